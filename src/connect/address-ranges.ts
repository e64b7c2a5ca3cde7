import { BlockList, isIP } from 'node:net'

/**
 * What an address is good for. `private`: networks that an allow list may open. `never`: everything else that is no address of
 * somebody out there: link-local and metadata, multicast, reserved, documentation, and IPv6 forms with an IPv4 address in them.
 */
export type AddressClass = 'public' | 'private' | 'never'

const privateNetworks = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
]
const privateNets = listOf(...privateNetworks)

/** The special-purpose registries of IANA (RFC 6890 and what came after). */
const specialNets = listOf(
  '0.0.0.0/8 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.175.48.0/24',
  '198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
  '2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20',
)

/** Of clouds, in ranges that are private or public: AWS, Google, Alibaba, Azure. Link-local ones are special already. */
const metadata = listOf('fd00:ec2::254/128 fd20:ce::254/128 100.100.100.200/32 168.63.129.16/32')

/** The one block that global addresses of IPv6 are given from: what lies outside is something else, known to us or not. */
const globalUnicast = listOf('2000::/3')

/**
 * Classifies an address as it is written: `10.0.0.1`, `fd00::1`. What is none, or has a zone (`fe80::1%eth0`), is `never`.
 */
export function classifyAddress(address: string): AddressClass {
  const version = isIP(address)
  if (version === 0 || address.includes('%')) return 'never'
  const family = version === 4 ? 'ipv4' : 'ipv6'
  // BlockList takes an IPv4-mapped address for the one inside; it is refused like all that carry another.
  if (family === 'ipv6' && isMapped(address)) return 'never'
  if (metadata.check(address, family)) return 'never'
  if (privateNets.check(address, family)) return 'private'
  if (specialNets.check(address, family)) return 'never'
  if (family === 'ipv4') return 'public'
  return globalUnicast.check(address, family) && !isIsatap(address) ? 'public' : 'never'
}

/** Whether it is a private network, or a part of one: `10.1.0.0/16`. */
export function isPrivateNetwork(network: string): boolean {
  const [, address = '', bits = ''] = /^([\da-f:.]+)\/(\d{1,3})$/i.exec(network) ?? []
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(address) === 0 || Number(bits) > (family === 'ipv6' ? 128 : 32)) return false
  return privateNetworks.some(
    (whole) => Number(bits) >= Number(whole.split('/')[1]) && listOf(whole).check(address, family),
  )
}

function isMapped(address: string): boolean {
  const groups = groupsOf(address)
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
}

/** RFC 5214, 6.1: an interface identifier of 0000:5efe or 0200:5efe, then an IPv4 address. */
function isIsatap(address: string): boolean {
  const groups = groupsOf(address)
  return (groups[4] === 0 || groups[4] === 0x0200) && groups[5] === 0x5efe
}

/** The eight groups of an IPv6 address; the URL parser writes all its forms in one. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [first, last] = [head, tail ?? ''].map((part) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)),
  )
  const start = first ?? []
  const end = last ?? []
  return [...start, ...Array.from({ length: 8 - start.length - end.length }, () => 0), ...end]
}

/** A list of networks: `10.0.0.0/8 ::1/128`. */
export function listOf(...networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks.join(' ').split(' ')) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
