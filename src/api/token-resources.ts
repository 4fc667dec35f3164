/** Access tokens as the Platform API shows them: Heroku's OAuth authorizations. */

export interface TokenItem {
  id: string;
  description: string;
  created_at: string;
  /** Null: it does not expire. */
  expires_at: string | null;
  used_at: string | null;
  user: { email: string };
  /** Whether it is for everything on the platform. */
  admin: boolean;
  /** Of a new one only. */
  access_token: { token: string; expires_in: number | null } | null;
}

export interface TokenRequest {
  description: string;
  /** Seconds. */
  expires_in: number | null;
  /** Whom it is for; whoever asks when left out. */
  user?: string | undefined;
}
