/** A body of two bytes in a chunk. */
export const chunked = `2\r\n{}\r\n0\r\n\r\n`

/** RFC 9112, 6.1, 6.3 and 11.2: a length that can be read in two ways is an error, and the connection ends. */
export const ambiguous: Record<string, string> = {
  'Content-Length and Transfer-Encoding (6.1)': `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
  'Transfer-Encoding and Content-Length (6.1)': `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
  'two Content-Lengths that differ (6.3)': 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ',
  'two Content-Lengths (6.3)': 'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}',
  'a list of Content-Lengths (6.3)': 'Content-Length: 2, 2\r\n\r\n{}',
  'a Content-Length with a sign (6.2)': 'Content-Length: +2\r\n\r\n{}',
  'a negative Content-Length (6.2)': 'Content-Length: -2\r\n\r\n{}',
  'a hexadecimal Content-Length (6.2)': 'Content-Length: 0x2\r\n\r\n{}',
  'an empty Content-Length (6.2)': 'Content-Length: \r\n\r\n{}',
  'a Content-Length with a space (6.2)': 'Content-Length: 2 2\r\n\r\n{}',
  'a Content-Length over 2^64 (6.2)': 'Content-Length: 18446744073709551618\r\n\r\n{}',
  'chunked that is not last (6.3)': `Transfer-Encoding: chunked, gzip\r\n\r\n${chunked}`,
  'chunked twice (6.1)': `Transfer-Encoding: chunked, chunked\r\n\r\n${chunked}`,
  'two Transfer-Encodings (6.1)': `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunked}`,
  'a space before the colon (5.1)': `Transfer-Encoding : chunked\r\n\r\n${chunked}`,
  'a vertical tab before chunked (6.1)': `Transfer-Encoding: \x0bchunked\r\n\r\n${chunked}`,
  'Transfer-Encoding on a folded line (5.2)': `Transfer-Encoding:\r\n chunked\r\n\r\n${chunked}`,
  'a chunk size that is no number (7.1)': 'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  'a chunk size with a sign (7.1)': 'Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n',
  'a chunk size with 0x (7.1)': 'Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n',
  'a chunk size over 2^64 (7.1)': 'Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n',
  'a chunk longer than its size (7.1)': 'Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n',
  'chunks that end with LF alone (2.2)': 'Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n',
  'LF in a chunk extension (7.1.1)': 'Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n',
  'Content-Length in a trailer (6.5.1 of RFC 9110)':
    'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n',
}
