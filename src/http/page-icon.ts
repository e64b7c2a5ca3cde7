/** A ticket with its hole. Without an icon of its own a page has browsers ask for `/favicon.ico`, which is not there. */
const ticket =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#2f6fbd" fill-rule="evenodd" d="M5 0h6l3 4v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V4zm3 3a1.5 1.5 0 0 0 0 3 1.5 1.5 0 0 0 0-3z"/></svg>'

/** The icon of our pages, in the page itself: there is no route for it. Their policy lets images come from `data:`. */
export const pageIcon = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ticket)}">`
