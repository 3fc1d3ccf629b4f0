/** The first admin's key of the API in tests. */
export const ADMIN_KEY = 'gdn_Zk3vQ9xT1mB7cR5nW2yL8dH4sJ6fP0aEuGiKoXqVbNt'

/** Headers of a request with a key. */
export const withKey = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })
export const asAdmin = withKey(ADMIN_KEY)
