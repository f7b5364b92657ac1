/** The Admin API's own refusals, by code. What entities refuse comes from src/entities and has codes of its own. */
const REFUSALS = {
  not_found: { status: 404, message: "Not found" },
  method_not_allowed: { status: 405, message: "Method not allowed" },
  foreign_origin: {
    status: 403,
    message: "A write from a web page is accepted only from the origins in admin_gui_url",
  },
  no_json: { status: 400, message: "Cannot parse JSON body" },
  no_json_object: { status: 400, message: "Cannot use JSON body: expected an object" },
  json_nesting: { status: 400, message: "Cannot use JSON body: it is nested too deeply" },
  no_multipart: { status: 400, message: "Cannot parse multipart body" },
  not_utf8: { status: 400, message: "Cannot use arguments that are not valid UTF-8" },
  argument_nesting: { status: 400, message: "Cannot use an argument whose name is nested too deeply" },
  many_arguments: { status: 400, message: "Too many arguments" },
  unsupported_media_type: { status: 415, message: "Unsupported Media Type" },
  many_content_types: { status: 400, message: "Multiple Content-Type headers not allowed" },
  body_cut_short: { status: 400, message: "The request ended before its body did" },
  body_too_large: { status: 413, message: "Request body too large: the limit is admin_client_max_body_size" },
  unexpected: { status: 500, message: "An unexpected error occurred" },
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** A request that is not carried out; `status` and `message` are the answer. The message never holds what was sent. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly status: number;

  constructor(code: RefusalCode, options?: ErrorOptions) {
    super(REFUSALS[code].message, options);
    this.code = code;
    this.status = REFUSALS[code].status;
  }
}
