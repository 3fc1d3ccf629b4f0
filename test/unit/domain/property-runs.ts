/** How many cases each property is tried on: few enough for every build, or PROPERTY_RUNS for a long search. */
export const propertyRuns = Number(process.env['PROPERTY_RUNS'] ?? '300')

if (!Number.isInteger(propertyRuns) || propertyRuns < 1) throw new Error('PROPERTY_RUNS is a positive whole number')

/** Milliseconds that a property may take: a long search is not a hung one. */
export const propertyTimeoutMs = 20_000 + propertyRuns * 100

/** Whether so many cases were tried that each kind of result must have been among them. */
export const isRepresentative = propertyRuns >= 100
