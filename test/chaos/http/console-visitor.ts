import type { Browser, BrowserContext, Page } from 'playwright-core'

/** What a page may hold that a browser acts upon. The console draws none of it below `main`. */
const elements = 'script iframe object embed style link meta base template math img'
const attributes = 'onerror onload onfocus onmouseover ontoggle srcdoc'
const active = [
  ...elements.split(' ').map((name) => `main ${name}`),
  ...attributes.split(' ').map((name) => `main [${name}]`),
  'main form[action]',
  // the editor of a payload takes the focus of its dialog
  'main [autofocus]:not(textarea.editor)',
].join(', ')

const mostStuck = 3

/** Opens pages of the console, and tells of all that they did which they should not. */
export class ConsoleVisitor {
  /** Scripts that were not the console's and ran, dialogs among them. */
  readonly ran: string[] = []
  /** What the Content-Security-Policy had to stop. */
  readonly violations: string[] = []
  /** Requests to anybody but the node. */
  readonly foreign: string[] = []
  /** Elements that act, and links that lead elsewhere. */
  readonly elements: string[] = []
  readonly thrown: string[] = []
  /** Pages that could not be used: what they show has changed what they are. */
  readonly stuck: string[] = []
  pages = 0
  readonly page: Page
  readonly #url: string

  private constructor(url: string, page: Page) {
    this.#url = url
    this.page = page
  }

  static async open(browser: Browser, url: string): Promise<ConsoleVisitor> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    const visitor = new ConsoleVisitor(url, await context.newPage())
    await visitor.#watch(context)
    return visitor
  }

  async #watch(context: BrowserContext): Promise<void> {
    const { page } = this
    page.setDefaultTimeout(10_000)
    await context.exposeFunction('canary', (which: unknown) => this.ran.push(`canary ${String(which)}`))
    await context.exposeFunction('violated', (what: unknown) => this.violations.push(String(what)))
    // it is there before anything of the page runs
    await context.addInitScript(
      `addEventListener('securitypolicyviolation', (event) => violated(event.violatedDirective + ' ' + event.blockedURI))`,
    )
    page.on('dialog', (dialog) => {
      this.ran.push(`dialog ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) this.violations.push(message.text())
    })
    page.on('pageerror', (error) => this.thrown.push(error.message))
    context.on('request', (request) => {
      if (!/^(?:data|about|blob):/.test(request.url()) && !request.url().startsWith(this.#url))
        this.foreign.push(request.url())
    })
  }

  /** @param path below `/console`, or of the node where it begins with two strokes */
  async visit(path: string): Promise<void> {
    await this.use(path, async () => {
      await this.page.goto(path.startsWith('//') ? this.#url + path.slice(1) : `${this.#url}/console${path}`)
      if (!path.startsWith('//')) await this.loaded()
      await this.look(path)
    })
  }

  /** Does something on a page. That it cannot be done is told with the rest; after some of that nothing more is done. */
  async use(where: string, work: () => Promise<unknown>): Promise<void> {
    if (this.stuck.length >= mostStuck) return
    try {
      await work()
    } catch (error) {
      this.stuck.push(`${where}: ${(error as Error).message}`)
    }
  }

  async loaded(): Promise<void> {
    await this.page.locator('main h1').waitFor()
    await this.page.locator('.skeleton').first().waitFor({ state: 'detached' })
  }

  /** Gives what stands there two frames to act, and looks at what it is. */
  async look(where: string): Promise<void> {
    this.pages++
    await this.page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))',
    )
    const found = (await this.page.evaluate(
      `[...document.querySelectorAll(${JSON.stringify(active)})].map((each) => each.outerHTML.slice(0, 200))`,
    )) as string[]
    const links = (await this.page.evaluate('[...document.links].map((link) => link.href)')) as string[]
    const away = links.filter((href) => !href.startsWith(this.#url))
    this.elements.push(...[...found, ...away].map((one) => `${where}: ${one}`))
  }

  /** What it would tell of the same texts where nothing protects; then it has told of nothing. */
  async tellsOfOpenPage(texts: readonly string[]): Promise<number> {
    const { page } = this
    const told: number[] = []
    for (const text of texts) {
      await page.goto('about:blank')
      const before = this.ran.length + this.foreign.length
      await page
        .setContent(`<title>open</title><main>${text}</main>`, { waitUntil: 'commit' })
        .catch(() => {})
      await page.waitForTimeout(50)
      told.push(this.ran.length + this.foreign.length > before ? 1 : 0)
    }
    // and of a script that the policy stops
    await page.goto(`${this.#url}/console`)
    await this.loaded()
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'canary(0)' }))`,
    )
    await page.waitForTimeout(50)
    told.push(this.violations.length > 0 ? 1 : 0)
    for (const list of [this.ran, this.foreign, this.violations, this.thrown]) list.length = 0
    return told.reduce((sum, one) => sum + one, 0)
  }
}
