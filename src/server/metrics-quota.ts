// Limits and use of quotas, summed for each top-level node (QuotaMetricsUtils.java): four gauges
// a namespace. In: the quotas of the tree; out: names and values, in the order of Java's `mntr`.
// Takes time linear in the quotas.

import type { QuotaBook } from '../core/tree/quota-book.ts';
import { topNamespace } from '../core/tree/quota-book.ts';

export interface QuotaGauge {
  readonly name: string;
  readonly value: number;
}

type Sums = Map<string, number>;

export function quotaGauges(quotas: QuotaBook): QuotaGauge[] {
  const bytesUsage: Sums = new Map();
  const countLimit: Sums = new Map();
  const bytesLimit: Sums = new Map();
  const countUsage: Sums = new Map();
  for (const { path, limits, stats } of quotas.entries()) {
    const namespace = topNamespace(path);
    if (namespace === '') continue;
    if (limits !== undefined) {
      add(countLimit, namespace, hardOr(limits.countHardLimit, limits.count));
      add(bytesLimit, namespace, hardOr(limits.byteHardLimit, limits.bytes));
    }
    if (stats !== undefined) {
      add(countUsage, namespace, stats.count);
      add(bytesUsage, namespace, stats.bytes);
    }
  }
  return [
    ...named(bytesLimit, 'quota_bytes_limit_per_namespace'),
    ...named(countUsage, 'quota_count_usage_per_namespace'),
    ...named(countLimit, 'quota_count_limit_per_namespace'),
    ...named(bytesUsage, 'quota_bytes_usage_per_namespace'),
  ];
}

function add(sums: Sums, namespace: string, value: number): void {
  sums.set(namespace, (sums.get(namespace) ?? 0) + value);
}

/** A hard limit comes first where both are set. */
function hardOr(hard: number, soft: number): number {
  return hard > -1 ? hard : soft;
}

function named(sums: Sums, metric: string): QuotaGauge[] {
  return [...sums].map(([namespace, value]) => ({ name: `${namespace}_${metric}`, value }));
}
