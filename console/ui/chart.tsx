import { useEffect, useRef } from '../preact.ts'
import { useStore } from '../state/store.ts'
import { shownTheme } from '../state/theme.ts'
import { showCompact } from './format.ts'
import { bars, makePlot } from './plot.ts'

export interface ChartLine {
  readonly name: string
  readonly values: readonly (number | null)[]
  /** A custom property of the stylesheet. */
  readonly colour: string
  readonly kind?: 'area' | 'line' | 'bars'
  readonly isDashed?: boolean
}

interface ChartProps {
  readonly title: string
  /** What it says in a sentence, for who does not see it. */
  readonly summary: string
  readonly at: readonly string[]
  readonly lines: readonly ChartLine[]
  readonly show?: (value: number) => string
}

const height = 168
/** Items, milliseconds and hundredths: marks between whole ones would all read the same. */
const wholeSteps = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat()

/** Lines over time. They share their cursor with the other charts of the page. */
export function Chart({ title, summary, at, lines, show = showCompact }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<ReturnType<typeof makePlot> | undefined>(undefined)
  const theme = useStore(shownTheme)
  const shape = lines.map(({ name, kind }) => `${name}:${kind ?? ''}`).join('|')
  const data = toData(at, lines)
  const latest = useRef(data)
  latest.current = data

  useEffect(() => {
    const element = box.current
    if (!element) return undefined
    const made = makePlot(plotOptions(element, lines, show), latest.current, element)
    plot.current = made
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      if (width > 0 && width !== made.width) made.setSize({ width, height })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = undefined
    }
    // colours are read when it is made
  }, [theme, shape])

  useEffect(() => plot.current?.setData(data), [at, ...lines.map(({ values }) => values)])

  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-legend">
          {lines.map(({ name, colour, kind, isDashed }) => (
            <span key={name} class="chart-key" data-kind={isDashed ? 'dashed' : (kind ?? 'line')}>
              <i style={{ color: `var(${colour})` }} aria-hidden="true" />
              {name}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={box} class="chart-plot" role="img" aria-label={`${title}. ${summary}`} />
    </figure>
  )
}

type Data = [number[], ...(number | null)[][]]

function toData(at: readonly string[], lines: readonly ChartLine[]): Data {
  return [at.map((each) => Date.parse(each) / 1000), ...lines.map(({ values }) => [...values])]
}

function plotOptions(element: HTMLElement, lines: readonly ChartLine[], show: (value: number) => string) {
  const colourOf = (name: string) => resolveColour(element, name)
  const font = `11px ${getComputedStyle(element).fontFamily}`
  const axis = {
    stroke: colourOf('--ink-3'),
    font,
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: Math.max(element.clientWidth, 100),
    height,
    padding: [8, 18, 0, 0] as [number, number, number, number],
    legend: { show: false },
    cursor: { sync: { key: 'console' }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      y: { range: (_: unknown, __: number, max: number): [number, number] => [0, Math.max(max * 1.1, 1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 70,
        values: (_: unknown, ticks: number[]) => ticks.map(showTick),
      },
      {
        ...axis,
        size: 52,
        space: 34,
        incrs: wholeSteps,
        values: (_: unknown, ticks: number[]) => ticks.map((tick) => show(tick)),
      },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, colourOf(line.colour), show))],
    plugins: [readout(lines, show)],
  }
}

/** A canvas takes no custom property and no `light-dark()`: the browser says what they come to. */
function resolveColour(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`
  const colour = getComputedStyle(element).color
  element.style.color = ''
  return colour
}

const tickFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const showTick = (seconds: number) => tickFormat.format(new Date(seconds * 1000))

function seriesOf({ name, kind, isDashed }: ChartLine, colour: string, show: (value: number) => string) {
  const value = (_: unknown, each: number | null) => (each === null ? '–' : show(each))
  const points = { show: false, size: 5, fill: colour, filter: lonePoints }
  const base = { label: name, stroke: colour, value, points }
  const paths = bars?.({ size: [0.7, 12, 1], radius: 0.2 })
  if (kind === 'bars') return { ...base, width: 0, fill: colour, ...(paths ? { paths } : {}) }
  return {
    ...base,
    width: 1.5,
    ...(kind === 'area' ? { fill: colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.13)') } : {}),
    ...(isDashed ? { dash: [4, 4] } : {}),
  }
}

/** Values with none beside them: no line leads to them, so they are drawn as points. */
function lonePoints(plot: { data: readonly ArrayLike<number | null | undefined>[] }, series: number) {
  const values = plot.data[series] ?? []
  const found = Array.from(values, (_, at) => at).filter(
    (at) => values[at] != null && values[at - 1] == null && values[at + 1] == null,
  )
  return found.length > 0 ? found : null
}

/** What stands under the cursor, in a note that goes along. Its texts are set as text. */
function readout(lines: readonly ChartLine[], show: (value: number) => string) {
  const note = document.createElement('div')
  note.className = 'chart-readout'
  return {
    hooks: {
      init: (plot: { over: HTMLElement }) => plot.over.append(note),
      setCursor: (plot: {
        over: HTMLElement
        cursor: { idx?: number | null; left?: number }
        data: readonly ArrayLike<number | null | undefined>[]
      }) => {
        const index = plot.cursor.idx
        const left = plot.cursor.left ?? -1
        const at = index == null ? undefined : plot.data[0]?.[index]
        note.hidden = index == null || at == null || left < 0
        if (index == null || at == null || left < 0) return
        const values = lines.map(({ name }, line) => {
          const value = plot.data[line + 1]?.[index]
          return `${name} ${value == null ? '–' : show(value)}`
        })
        note.textContent = [showTick(at), ...values].join('  ·  ')
        const isRight = left > plot.over.clientWidth / 2
        note.style.left = isRight ? 'auto' : `${left + 10}px`
        note.style.right = isRight ? `${plot.over.clientWidth - left + 10}px` : 'auto'
      },
    },
  }
}
