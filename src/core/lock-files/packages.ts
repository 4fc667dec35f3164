/** What a lock file says: packages with the versions that are installed. The same name may come several times. */

export type Packages = readonly (readonly [name: string, version: string])[];
