import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** A chart in an element; `destroy` it. */
export function makePlot(options: UPlot.Options, data: UPlot.AlignedData, element: HTMLElement): UPlot {
  return new UPlot(options, data, element)
}

export const bars = UPlot.paths.bars
