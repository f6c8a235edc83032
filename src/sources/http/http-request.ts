/** What an endpoint is asked, and expected to answer. */
export interface HttpRequest {
  /** `http:` or `https:`, without a user and a password. */
  url: string;
  /** Path of a Unix socket to connect to, relative to the configuration file. Absent: the host of the URL. */
  socket?: string;
  method: 'GET' | 'HEAD';
  headers: Readonly<Record<string, string>>;
  expect: {
    /** Statuses, and classes such as `2xx`. Absent: any. */
    status?: readonly (number | string)[];
    /** Text that must occur in the body. */
    body?: string;
  };
  /** Whether the payload has the body of the answer. */
  body: boolean;
  /** PEM file of the authorities to trust, relative to the configuration file. Absent: those that Node trusts. */
  ca?: string;
}

/** The head of an answer, and its body unless nobody needs it. */
export interface HttpAnswer {
  status: number;
  /** From the start of the connection to the last byte that was read, in milliseconds. */
  ms: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body?: Buffer;
}
