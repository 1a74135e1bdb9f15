import type { Attachment } from './attachment.ts';

/** A document that is kept on this device, as it is listed. */
export interface ShelvedDocument {
  readonly id: string;
  readonly name: string;
  readonly addedAt: number;
  /** Characters. */
  readonly length: number;
}

/** Documents kept on this device, to be attached again and searched. Pictures are none. */
export interface ShelfPort {
  /** By name. */
  list(): Promise<readonly ShelvedDocument[]>;
  /** Undefined where it is gone, or this build cannot read it. */
  read(id: string): Promise<Attachment | undefined>;
  /** One that is kept already stays as it is. @throws `shelf-full`, `storage-full`, `storage-unavailable`. */
  keep(document: Attachment): Promise<void>;
  /** Does nothing where it is gone. @throws `storage-full`, `storage-unavailable`. */
  rename(id: string, name: string): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Characters. */
export const shelfNameLengthMax = 200;
