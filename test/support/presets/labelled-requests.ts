/** Methods and targets by what they are for. Names in braces stand for parts that vary (`fixture-lines.ts`). */
export interface LabelledRequests {
  readonly page: readonly string[]
  readonly asset: readonly string[]
  readonly api: readonly string[]
}
