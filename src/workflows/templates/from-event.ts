/** Defaults of inputs that the event gives, where it does: what to work on, never what to run. */
export const FROM_EVENT = {
  /** The URL that a webhook named, else the repository itself. */
  repository:
    '${{ has(event.data.repository_url) && event.data.repository_url != null ? event.data.repository_url : event.data.repository }}',
  /** The commit, else the branch, else what the repository itself says. */
  ref: '${{ has(event.data.commit_sha) ? event.data.commit_sha : has(event.data.branch) ? event.data.branch : null }}',
} as const;
