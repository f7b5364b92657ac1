export { BodyReader, type BodySink } from "./body-reader.ts";
export { encodeLastChunk } from "./chunked.ts";
export {
  HttpMessageError,
  type HttpMessageErrorCode,
  UpstreamError,
  type UpstreamErrorCode,
  type UpstreamFacts,
  type UpstreamPhase,
} from "./errors.ts";
export { type FieldName, fieldGroup, fieldName, fields, isToken, maskOf } from "./field-name.ts";
export { flat } from "./flat.ts";
export { formatRequestHead, formatResponseHead, formatStatusLine, REQUEST_VERSION } from "./format.ts";
export { type Framing, keepsAlive, requestFraming, responseFraming } from "./framing.ts";
export {
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
  restOf,
  wholeRequestHead,
} from "./head.ts";
export { type HeadHolder, HeadReader, readHead, requestHeads } from "./head-reader.ts";
export { Headers, isFieldValue } from "./headers.ts";
export { defaultLimits, type HeadLimits } from "./limits.ts";
export { Lines } from "./lines.ts";
export { createPool } from "./pool.ts";
export { turnMs } from "./turn.ts";
export type {
  Origin,
  OriginTls,
  Pool,
  PoolOptions,
  PoolStats,
  ResponseBody,
  UpstreamBody,
  UpstreamExchange,
  UpstreamHandler,
  UpstreamRequest,
} from "./upstream.ts";
export { Wire } from "./wire.ts";
