/** SSH keys as the Platform API shows them: Heroku's account keys. */

export interface KeyItem {
  id: string;
  /** `SHA256:…` */
  fingerprint: string;
  public_key: string;
  comment: string;
  /** Whose it is. */
  email: string;
  created_at: string;
}

export interface KeyRequest {
  public_key: string;
  /** Somebody else: an address, with or without a name. */
  user?: string | undefined;
}
