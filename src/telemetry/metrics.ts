// Numbers for Prometheus. The only file that knows prom-client. Label values are listed when a metric is made, and what
// is not listed counts as 'other': a label must never grow with what clients send.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Label name -> its values. */
export type Labels = Readonly<Record<string, readonly string[]>>;
export type LabelValues<L extends Labels> = Readonly<Record<keyof L & string, string>>;

export interface Metrics {
  /** Counts up. */
  counter<L extends Labels>(name: string, help: string, labels: L): (values: LabelValues<L>, by?: number) => void;
  /** Asked when it is rendered. */
  gauge(name: string, help: string, read: () => number): void;
  /** Upper bounds in ascending order. */
  histogram(name: string, help: string, bounds: readonly number[]): (value: number) => void;
  /** In the Prometheus text format, version 0.0.4. */
  render(): Promise<string>;
}

const OTHER = 'other';

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    counter(name, help, labels) {
      const names = Object.keys(labels);
      const counter = new Counter({ name, help, labelNames: names, registers });
      const known = new Map(names.map((label) => [label, new Set(labels[label])]));
      return (values, by = 1) => {
        const bounded = names.map((label) => {
          const value = values[label] ?? OTHER;
          return [label, known.get(label)?.has(value) === true ? value : OTHER];
        });
        counter.inc(Object.fromEntries(bounded) as Record<string, string>, by);
      };
    },
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    },
    histogram(name, help, bounds) {
      const histogram = new Histogram({ name, help, buckets: [...bounds], registers });
      return (value) => histogram.observe(value);
    },
    render: () => registry.metrics(),
  };
}
