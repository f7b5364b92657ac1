import { DatabaseError, databaseErrors } from "./errors.ts";

export interface IamOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** ARN of a role that is assumed, by the credentials that are found; absent: those sign. */
  readonly role?: string | undefined;
  readonly sessionName: string;
  /** Absent: the usual one of the region. */
  readonly stsEndpoint?: string | undefined;
  /** For each request to AWS. */
  readonly timeoutMs: number;
}

type Provider = ReturnType<typeof import("@aws-sdk/credential-providers")["fromNodeProviderChain"]>;
type Credentials = Awaited<ReturnType<Provider>>;

/** A token lives so long, and no longer than the credentials that signed it. */
const TOKEN_MS = 900_000;

/**
 * Makes the tokens that an Amazon RDS takes in place of a password: one for each connection, as they are good for 15 minutes.
 * Throws ERR_DATABASE_OPEN when there are no credentials. The AWS SDK is loaded with the first.
 */
export function createIamTokens(options: IamOptions): () => Promise<string> {
  let signer: Promise<{ getAuthToken(): Promise<string> }> | undefined;
  return async () => {
    try {
      signer ??= createSigner(options);
      return await (await signer).getAuthToken();
    } catch (error) {
      signer = undefined;
      throw new DatabaseError(databaseErrors.OPEN, `pg_iam_auth: no token can be made: ${reasonOf(error)}`, error);
    }
  };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ERR_MODULE_NOT_FOUND") return "the optional packages of the AWS SDK are not installed";
  return message;
}

async function createSigner({ host, port, user, ...options }: IamOptions) {
  const { Signer } = await import("@aws-sdk/rds-signer");
  const region = regionOf(host);
  return new Signer({
    hostname: host,
    port,
    username: user,
    credentials: await createCredentials(options, region),
    ...(region !== undefined && { region }),
  });
}

/** Absent: the profile may have one. */
function regionOf(host: string): string | undefined {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  return AWS_REGION || AWS_DEFAULT_REGION || /\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?$/i.exec(host)?.[1];
}

async function createCredentials(
  { role, sessionName, stsEndpoint, timeoutMs }: Omit<IamOptions, "host" | "port" | "user">,
  region: string | undefined,
): Promise<Provider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  const clientConfig = {
    ...(region !== undefined && { region }),
    ...(stsEndpoint !== undefined && { endpoint: stsEndpoint }),
    requestHandler: { connectionTimeout: timeoutMs, requestTimeout: timeoutMs },
    maxAttempts: 2,
  };
  const found = fromNodeProviderChain({ clientConfig });
  if (role === undefined) return found;
  const params = { RoleArn: role, RoleSessionName: sessionName };
  return keep(fromTemporaryCredentials({ params, masterCredentials: found, clientConfig }));
}

/** The role is assumed anew when a token would outlive the credentials that came last, once for all who wait for that. */
function keep(provide: Provider): Provider {
  let kept: Credentials | undefined;
  let asked: Promise<Credentials> | undefined;
  return async () => {
    if (kept && (kept.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now() > TOKEN_MS) return kept;
    asked ??= provide().finally(() => (asked = undefined));
    return (kept = await asked);
  };
}
