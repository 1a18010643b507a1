// libshotgrid for Node.js, by koffi: one file to put beside your tool, nothing to build.
//
//     import { Client } from "./shotgrid.mjs";
//
//     const site = await Client.script("https://studio.shotgrid.autodesk.com", "my_tool", "its key");
//     for (const shot of await site.find("Shot", [["project", "is", { type: "Project", id: 70 }]], ["code"])) console.log(shot.code);
//
// Methods and their arguments are those of the official Python client, by position, or by name in one object behind them:
// site.find("Shot", [], { limit: 5 }). Nothing blocks the event loop: everything that asks a site gives a promise. What fails is a
// ShotgridError; what a permission role forbids a PermissionRefused, which says what was refused and by which role. A call takes an
// AbortSignal: site.call("find", ["Shot", []], { signal }).
//
// The environment variable SHOTGRID_LIBRARY may name the shared library.

import koffi from "koffi";

const usual = { win32: "shotgrid.dll", darwin: "libshotgrid.0.dylib" };
const library = koffi.load(process.env.SHOTGRID_LIBRARY ?? usual[process.platform] ?? "libshotgrid.so.0");

for (const type of ["sg_client", "sg_error", "sg_op", "sg_options", "sg_queue", "sg_result"]) koffi.opaque(type);
const done = koffi.proto("void sg_done_fn(sg_op *op, void *user_data)");

const C = Object.fromEntries(
  [
    "const char *sg_status_name(int32_t status)",
    "const char *sg_methods_json()",
    "sg_options *sg_options_new()",
    "void sg_options_free(sg_options *options)",
    "int32_t sg_options_set_timeout_ms(sg_options *options, uint32_t timeout_ms)",
    "int32_t sg_options_set_sudo_as_login(sg_options *options, const char *login)",
    "int32_t sg_options_set_ca_file(sg_options *options, const char *path)",
    "int32_t sg_options_set_proxy(sg_options *options, const char *proxy)",
    "int32_t sg_submit_connect_user(const char *url, const char *login, const char *password, sg_options *options, _Out_ sg_op **out)",
    "int32_t sg_submit_connect_script(const char *url, const char *name, const char *key, sg_options *options, _Out_ sg_op **out)",
    "int32_t sg_submit_connect_session(const char *url, const char *token, sg_options *options, _Out_ sg_op **out)",
    "void sg_client_free(sg_client *client)",
    "int32_t sg_submit(sg_client *client, const char *method, const char *params_json, void *options, _Out_ sg_op **out)",
    "int32_t sg_op_is_done(sg_op *op)",
    "int32_t sg_op_cancel(sg_op *op)",
    "int32_t sg_op_take_result(sg_op *op, _Out_ sg_result **out)",
    "int32_t sg_op_take_client(sg_op *op, _Out_ sg_client **out)",
    "const sg_error *sg_op_error(sg_op *op)",
    "void sg_op_free(sg_op *op)",
    "int32_t sg_queue_new(_Out_ sg_queue **out)",
    "int32_t sg_queue_dispatch(sg_queue *queue, uint32_t max, int64_t timeout_ms, _Out_ uint32_t *count)",
    "int32_t sg_queue_on_done(sg_queue *queue, sg_op *op, sg_done_fn *on_done, void *user_data, void *finalize)",
    "const char *sg_result_json(sg_result *result, void *len)",
    "void sg_result_free(sg_result *result)",
    "sg_error *sg_error_take_last()",
    "void sg_error_free(sg_error *error)",
    "int32_t sg_error_status(const sg_error *error)",
    "const char *sg_error_message(const sg_error *error)",
    "const char *sg_error_server_message(const sg_error *error)",
    "const char *sg_error_operation(const sg_error *error)",
    "const char *sg_error_entity_type(const sg_error *error)",
    "int64_t sg_error_entity_id(const sg_error *error)",
    "const char *sg_error_field(const sg_error *error)",
    "const char *sg_error_role(const sg_error *error)",
    "int64_t sg_error_rule_id(const sg_error *error)",
    "int32_t sg_error_is_retryable(const sg_error *error)",
    "int32_t sg_error_may_have_applied(const sg_error *error)",
    "int32_t sg_runtime_shutdown(uint32_t timeout_ms)",
  ].map((prototype) => [/(sg_\w+)\(/.exec(prototype)[1], library.func(prototype)]),
);

const METHODS = JSON.parse(C.sg_methods_json());

/** A call that failed: everything that the library knows about it. */
export class ShotgridError extends Error {
  constructor(record) {
    super(C.sg_error_message(record));
    this.name = this.constructor.name;
    this.status = C.sg_status_name(C.sg_error_status(record));
    this.serverMessage = C.sg_error_server_message(record);
    this.operation = C.sg_error_operation(record);
    this.entityType = C.sg_error_entity_type(record);
    this.entityId = C.sg_error_entity_id(record);
    this.field = C.sg_error_field(record);
    this.role = C.sg_error_role(record);
    this.ruleId = C.sg_error_rule_id(record);
    this.retryable = C.sg_error_is_retryable(record) === 1;
    this.mayHaveApplied = C.sg_error_may_have_applied(record) === 1;
  }

  static of(record) {
    const kinds = { 32: AuthError, 33: PermissionRefused };
    return new (kinds[C.sg_error_status(record) & 0xff] ?? ShotgridError)(record);
  }
}

/** Who are you: the site does not accept the credentials. */
export class AuthError extends ShotgridError {}

/** You may not: see operation, entityType, entityId, field, role and ruleId. */
export class PermissionRefused extends ShotgridError {}

function check(status) {
  if (status === 0) return;
  const record = C.sg_error_take_last();
  try {
    throw ShotgridError.of(record);
  } finally {
    C.sg_error_free(record);
  }
}

function taken(take, op) {
  const out = [null];
  check(take(op, out));
  return out[0];
}

// ---- Operations: one queue, which is asked a few times each frame of a screen while anything is under way ----------------------

const EVERY_MS = 4;
const waiting = new Map();
let queue = null;
let timer = null;

const onDone = koffi.register((op) => {
  const settle = waiting.get(koffi.address(op));
  waiting.delete(koffi.address(op));
  settle(op);
}, koffi.pointer(done));

function dispatch() {
  check(C.sg_queue_dispatch(queue, 0, 0, [0]));
  if (waiting.size === 0) {
    clearInterval(timer);
    timer = null;
  }
}

/** A promise of what `take` takes of the operation that `submit` begins. */
function later(submit, take, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    queue ??= taken((_, out) => C.sg_queue_new(out), null);
    const op = taken((_, out) => submit(out), null);
    const cancel = () => C.sg_op_cancel(op);
    const settle = (ended) => {
      signal?.removeEventListener("abort", cancel);
      try {
        const failure = C.sg_op_error(ended);
        if (failure !== null) throw ShotgridError.of(failure);
        resolve(take(ended));
      } catch (error) {
        reject(error);
      } finally {
        C.sg_op_free(op);
      }
    };
    check(C.sg_queue_on_done(queue, op, onDone, null, null));
    waiting.set(koffi.address(op), settle);
    signal?.addEventListener("abort", cancel);
    timer ??= setInterval(dispatch, EVERY_MS);
  });
}

// ---- Clients -------------------------------------------------------------------------------------------------------------------

const forgotten = new FinalizationRegistry((pointer) => C.sg_client_free(pointer));

async function connected(submit, credentials, settings) {
  const options = C.sg_options_new();
  try {
    for (const [name, value] of Object.entries(settings)) {
      const setter = C[`sg_options_set_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`];
      if (setter === undefined) throw new TypeError(`there is no setting ${name}`);
      check(setter(options, value));
    }
    // Options are copied before the submit returns.
    const pending = later((out) => submit(...credentials, options, out), (op) => taken(C.sg_op_take_client, op));
    return new Client(await pending);
  } finally {
    C.sg_options_free(options);
  }
}

/** A signed-in connection to a site. */
export class Client {
  #pointer;

  constructor(pointer) {
    this.#pointer = pointer;
    forgotten.register(this, pointer, this);
  }

  /** Settings: timeoutMs, sudoAsLogin, caFile, proxy. */
  static user(siteUrl, login, password, settings = {}) {
    return connected(C.sg_submit_connect_user, [siteUrl, login, password], settings);
  }

  static script(siteUrl, scriptName, apiKey, settings = {}) {
    return connected(C.sg_submit_connect_script, [siteUrl, scriptName, apiKey], settings);
  }

  static session(siteUrl, sessionToken, settings = {}) {
    return connected(C.sg_submit_connect_session, [siteUrl, sessionToken], settings);
  }

  /** Calls a method: parameters are an array by position or an object by name. */
  async call(method, parameters = {}, { signal } = {}) {
    const json = JSON.stringify(parameters);
    const answer = (op) => {
      const result = taken(C.sg_op_take_result, op);
      try {
        return JSON.parse(C.sg_result_json(result, null));
      } finally {
        C.sg_result_free(result);
      }
    };
    return later((out) => C.sg_submit(this.#pointer, method, json, null, out), answer, signal);
  }

  /** Frees the client now; the collector does it else. */
  close() {
    if (this.#pointer === null) return;
    forgotten.unregister(this);
    C.sg_client_free(this.#pointer);
    this.#pointer = null;
  }
}

/** By position as in Python; one object more than a method takes values is taken for arguments by name. */
function parameters(method, given) {
  const names = METHODS[method].parameters.map((parameter) => parameter.name);
  const last = given.at(-1);
  const named = given.length > 0 && last?.constructor === Object && Object.keys(last).length > 0 && Object.keys(last).every((key) => names.includes(key));
  const positional = named ? given.slice(0, -1) : given;
  if (positional.length > names.length) throw new TypeError(`${method} takes (${names.join(", ")})`);
  return { ...Object.fromEntries(positional.map((value, index) => [names[index], value])), ...(named ? last : {}) };
}

for (const method of Object.keys(METHODS)) {
  Client.prototype[method] ??= async function (...given) {
    return this.call(method, parameters(method, given));
  };
}

/** Ends the library's threads. */
export function shutdown(timeoutMs = 5000) {
  check(C.sg_runtime_shutdown(timeoutMs));
}
