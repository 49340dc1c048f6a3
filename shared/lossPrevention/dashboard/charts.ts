import { type Html, trusted } from './html.ts';

export interface Series {
  name: string;
  values: (number | null)[];
  color: number;
  /** dashes tell lines apart without colour */
  dashed?: boolean;
}

export interface Charts {
  /** Stacked columns by month. */
  columns(label: string, months: readonly string[], series: readonly Series[]): Html;
  /** Lines by month; a mark line at `threshold` where given, values shown as percentages where asked. */
  lines(
    label: string,
    months: readonly string[],
    series: readonly Series[],
    options: { max?: number; threshold?: number; percent?: boolean },
  ): Html;
}

/** Colours that read on white and on black, and apart for the colour-blind (Okabe and Ito, 2008). */
const palette = ['#0072b2', '#56b4e9', '#e69f00', '#d55e00', '#cc79a7'];
/** Stand-ins that become the page's own colours once the SVG is text. */
const ink = '#010203';
const rule = '#010204';

/** Charts drawn on the server as SVG by echarts, loaded when first needed. Without script, in the page's own colours. */
export async function openCharts(): Promise<Charts> {
  // One file: as modules of its own it takes 70 MB more and ten times as long to load.
  const echarts = await import('echarts/dist/echarts.esm.min.mjs');
  let drawn = 0;
  const draw = (label: string, option: Parameters<ReturnType<typeof echarts.init>['setOption']>[0]): Html => {
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 460, height: 250 });
    chart.setOption({ animation: false, ...option });
    const svg = chart.renderToSVGString();
    chart.dispose();
    // echarts numbers its names over the life of the process; pages are to be the same each time.
    const names = new Map<string, string>();
    const id = `c${drawn++}`;
    const renamed = (name: string) => {
      const known = names.get(name) ?? `${id}-${names.size}`;
      names.set(name, known);
      return known;
    };
    const described = svg
      .replace(
        /^<svg [^>]*viewBox="([^"]*)"[^>]*>/,
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="$1" class="chart" role="img">',
      )
      // what it adds for a pointer that hovers; the page's policy allows no style but its own
      .replaceAll(/<style[^>]*>[\s\S]*?<\/style>/g, '')
      .replaceAll(/zr\d+-[a-z]+-?\d*/g, (name) => renamed(name))
      .replaceAll(ink, 'currentColor')
      .replaceAll(rule, 'var(--rule)');
    return trusted(
      described.replace('role="img">', `role="img" aria-label="${label.replaceAll(/[&<>"']/g, '')}">`),
    );
  };
  const axis = {
    axisLine: { lineStyle: { color: rule } },
    axisLabel: { color: ink, fontSize: 13 },
    splitLine: { lineStyle: { color: rule } },
  };
  const common = (months: readonly string[], series: readonly Series[]) => ({
    textStyle: { fontFamily: 'system-ui, sans-serif', color: ink, fontSize: 13 },
    grid: { left: 8, right: 12, top: 40, bottom: 8, containLabel: true },
    legend: {
      top: 0,
      left: 0,
      itemWidth: 18,
      itemGap: 8,
      textStyle: { color: ink, fontSize: 13 },
      data: series.map(({ name }) => name),
    },
    xAxis: { type: 'category' as const, data: [...months], ...axis },
  });
  return {
    columns: (label, months, series) =>
      draw(label, {
        ...common(months, series),
        yAxis: { type: 'value', minInterval: 1, ...axis },
        series: series.map(({ name, values, color }) => ({
          type: 'bar' as const,
          stack: 'all',
          name,
          data: values,
          itemStyle: { color: palette[color % palette.length]! },
        })),
      }),
    lines: (label, months, series, { max, threshold, percent }) =>
      draw(label, {
        ...common(months, series),
        yAxis: {
          type: 'value',
          min: 0,
          ...(max === undefined ? {} : { max }),
          ...axis,
          axisLabel: {
            color: ink,
            fontSize: 13,
            ...(percent ? { formatter: (value: number) => `${Number(value.toPrecision(3))} %` } : {}),
          },
        },
        series: series.map(({ name, values, color, dashed }, i) => ({
          type: 'line' as const,
          name,
          data: values,
          symbolSize: 7,
          itemStyle: { color: palette[color % palette.length]! },
          lineStyle: {
            color: palette[color % palette.length]!,
            type: dashed ? ('dashed' as const) : ('solid' as const),
          },
          ...(i === 0 && threshold !== undefined
            ? {
                markLine: {
                  silent: true,
                  symbol: 'none',
                  label: { formatter: String(threshold), color: ink, position: 'insideEndTop' as const },
                  lineStyle: { color: ink, type: 'dotted' as const },
                  data: [{ yAxis: threshold }],
                },
              }
            : {}),
        })),
      }),
  };
}
