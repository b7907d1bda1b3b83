// uPlot dressed in our tokens. A canvas knows no CSS, so the colours are read when it is made.

import uPlot from 'uplot';
import { axisTime } from '../format/time';
import { lonePoints } from './align';

export interface PlotParts {
  tone: string;
  top: number | null;
  format: (value: number) => string;
  /** All charts with one key share the cursor. */
  sync: string;
  width: number;
  height: number;
  withBackground: boolean;
  onCursor: (index: number | null) => void;
  /** Seconds since the epoch. */
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

/** A dot where a line would have no length. */
function lone(colour: string): uPlot.Series.Points {
  return { show: true, size: 4, width: 0, fill: colour, filter: (plot, series) => lonePoints(Array.from(plot.data[series] ?? [])) };
}

export function makePlot(target: HTMLElement, columns: uPlot.AlignedData, parts: PlotParts): uPlot {
  const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const line = token('line');
  const faint = token('faint');
  const colour = token(parts.tone);
  const font = `10.5px ${token('font')}`;

  const series: uPlot.Series[] = [
    {},
    { stroke: colour, width: 1.5, fill: `${colour}1c`, points: lone(colour), spanGaps: false },
  ];
  if (parts.withBackground) {
    series.push({ stroke: faint, width: 1, dash: [3, 3], points: lone(faint), spanGaps: false });
  }
  return new uPlot(
    {
      width: parts.width,
      height: parts.height,
      // Room on the right for half of the last label.
      padding: [6, 14, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: parts.sync, setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6, width: 1.5, fill: token('surface') },
        // A double click must not zoom out by itself: the range belongs to the URL.
        bind: {
          dblclick: () => () => {
            parts.onReset();
            return null;
          },
        },
      },
      scales: {
        x: { time: true },
        y: {
          range: (_, min, max) => [Math.min(0, min ?? 0), parts.top ?? (max > 0 ? max * 1.12 : 1)],
        },
      },
      axes: [
        {
          stroke: faint,
          font,
          size: 22,
          gap: 4,
          space: 64,
          grid: { show: false },
          ticks: { show: false },
          values: (plot, splits) => {
            const span = ((plot.scales['x']?.max ?? 0) - (plot.scales['x']?.min ?? 0)) * 1000;
            return splits.map((at) => axisTime(at * 1000, span));
          },
        },
        {
          stroke: faint,
          font,
          size: 44,
          gap: 6,
          space: 26,
          grid: { stroke: line, width: 1 },
          ticks: { show: false },
          values: (_, splits) => splits.map((value) => parts.format(value)),
        },
      ],
      series,
      hooks: {
        setCursor: [(plot) => parts.onCursor(plot.cursor.idx ?? null)],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width < 4) return;
            const from = plot.posToVal(left, 'x');
            const to = plot.posToVal(left + width, 'x');
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            parts.onZoom(from, to);
          },
        ],
      },
    },
    columns,
    target,
  );
}
