/** Who is signed in, in the words of `/api/v1/session`. */
export interface Session {
  user: { id: string; name: string; email: string; role: string };
  security: {
    has_password: boolean;
    password_needed: boolean;
    second_factor: boolean;
    second_factor_required: boolean;
  };
  csrf: string;
  workspaces: { id: string; name: string; slug: string }[];
  workspace_id: string;
}
