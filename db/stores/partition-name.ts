/** One partition of one topic. */
export interface PartitionName {
  readonly topic: string
  readonly partition: number
}
