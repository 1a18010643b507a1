-- libshotgrid for LuaJIT: one file to put beside your tool, nothing to build.
--
--     local shotgrid = require "shotgrid"
--     local site = shotgrid.connect_script("https://studio.shotgrid.autodesk.com", "my_tool", "its key")
--     for _, shot in ipairs(site:find("Shot", {{"project", "is", {type = "Project", id = 70}}}, {"code"})) do
--       print(shot.code)
--     end
--
-- Methods and their arguments are those of the official Python client, by position (site:find(...)) or by name
-- (site:call("find", {entity_type = "Shot", ...})). What fails raises a table with everything that the library knows: for a
-- permission refusal (err.class == shotgrid.PERMISSION) its operation, entity_type, field, role and more.
--
-- Nothing need ever wait: site:submit("find", {...}) gives an operation to ask from a frame's update: operation:done().
--
-- Tables with keys become objects and other tables lists; shotgrid.list{} is an empty list, shotgrid.null is null. In answers null
-- is nil in objects and shotgrid.null in lists. The environment variable SHOTGRID_LIBRARY may name the shared library.

local ffi = require "ffi"

ffi.cdef [[
typedef struct sg_client sg_client;
typedef struct sg_error sg_error;
typedef struct sg_op sg_op;
typedef struct sg_options sg_options;
typedef struct sg_result sg_result;
typedef struct sg_value sg_value;
typedef int32_t sg_status;
const char *sg_status_name(int32_t status);
sg_options *sg_options_new(void);
void sg_options_free(sg_options *options);
sg_status sg_options_set_timeout_ms(sg_options *options, uint32_t timeout_ms);
sg_status sg_options_set_sudo_as_login(sg_options *options, const char *login);
sg_status sg_options_set_ca_file(sg_options *options, const char *path);
sg_status sg_options_set_proxy(sg_options *options, const char *proxy);
sg_status sg_connect_user(const char *site_url, const char *login, const char *password, const sg_options *options, sg_client **out);
sg_status sg_connect_script(const char *site_url, const char *name, const char *key, const sg_options *options, sg_client **out);
sg_status sg_connect_session(const char *site_url, const char *token, const sg_options *options, sg_client **out);
void sg_client_free(sg_client *client);
sg_status sg_call(const sg_client *client, const char *method, const char *params_json, sg_result **out);
sg_status sg_submit(const sg_client *client, const char *method, const char *params_json, const void *options, sg_op **out);
sg_status sg_op_wait(const sg_op *op, int64_t timeout_ms);
int32_t sg_op_is_done(const sg_op *op);
sg_status sg_op_cancel(const sg_op *op);
sg_status sg_op_take_result(const sg_op *op, sg_result **out);
const sg_error *sg_op_error(const sg_op *op);
void sg_op_free(sg_op *op);
const sg_value *sg_result_value(const sg_result *result);
void sg_result_free(sg_result *result);
int32_t sg_value_get_type(const sg_value *value);
const sg_value *sg_value_first(const sg_value *value);
const sg_value *sg_value_next(const sg_value *value);
const char *sg_value_key_text(const sg_value *value, size_t *len);
const char *sg_value_text(const sg_value *value, size_t *len);
sg_status sg_value_double(const sg_value *value, double *out);
sg_status sg_value_bool(const sg_value *value, int32_t *out);
sg_error *sg_error_take_last(void);
void sg_error_free(sg_error *error);
sg_status sg_error_status(const sg_error *error);
const char *sg_error_message(const sg_error *error);
const char *sg_error_server_message(const sg_error *error);
const char *sg_error_operation(const sg_error *error);
const char *sg_error_entity_type(const sg_error *error);
int64_t sg_error_entity_id(const sg_error *error);
const char *sg_error_field(const sg_error *error);
const char *sg_error_role(const sg_error *error);
int64_t sg_error_rule_id(const sg_error *error);
int32_t sg_error_is_retryable(const sg_error *error);
int32_t sg_error_may_have_applied(const sg_error *error);
sg_status sg_runtime_shutdown(uint32_t timeout_ms);
]]

local names = {Windows = "shotgrid.dll", OSX = "libshotgrid.0.dylib"}
local C = ffi.load(os.getenv("SHOTGRID_LIBRARY") or names[ffi.os] or "libshotgrid.so.0")

local shotgrid = {AUTH = 32, PERMISSION = 33, null = setmetatable({}, {__tostring = function() return "null" end})}

-- Errors ------------------------------------------------------------------------------------------------------------

local Error = {__tostring = function(err) return err.name .. ": " .. err.message end}

local function text(pointer)
  if pointer ~= nil then return ffi.string(pointer) end
end

local function described(record)
  local status = tonumber(C.sg_error_status(record))
  return setmetatable({
    status = status,
    class = status % 256,
    name = text(C.sg_status_name(status)),
    message = text(C.sg_error_message(record)),
    server_message = text(C.sg_error_server_message(record)),
    operation = text(C.sg_error_operation(record)),
    entity_type = text(C.sg_error_entity_type(record)),
    entity_id = tonumber(C.sg_error_entity_id(record)),
    field = text(C.sg_error_field(record)),
    role = text(C.sg_error_role(record)),
    rule_id = tonumber(C.sg_error_rule_id(record)),
    is_retryable = C.sg_error_is_retryable(record) ~= 0,
    may_have_applied = C.sg_error_may_have_applied(record) ~= 0,
  }, Error)
end

local function check(status)
  if status ~= 0 then
    local record = C.sg_error_take_last()
    local err = described(record)
    C.sg_error_free(record)
    error(err, 0)
  end
end

-- Values ------------------------------------------------------------------------------------------------------------

local List = {}

function shotgrid.list(values)
  return setmetatable(values, List)
end

local escapes = {['"'] = '\\"', ["\\"] = "\\\\"}

local function quoted(word)
  return '"' .. word:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function json(value)
  local kind = type(value)
  if value == nil or value == shotgrid.null then return "null" end
  if kind == "string" then return quoted(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then error("a number that JSON has no form for") end
    return value == math.floor(value) and math.abs(value) < 2 ^ 53 and ("%d"):format(value) or ("%.17g"):format(value)
  end
  if kind ~= "table" then error("a " .. kind .. " cannot be sent to a site") end
  local parts = {}
  if getmetatable(value) == List or #value > 0 then
    for index = 1, #value do parts[index] = json(value[index]) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, member in pairs(value) do parts[#parts + 1] = quoted(tostring(key)) .. ":" .. json(member) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local length = ffi.new("size_t[1]")
local number = ffi.new("double[1]")
local truth = ffi.new("int32_t[1]")
local value_of

local children = {
  [5] = function(cursor)
    local list = shotgrid.list {}
    local child = C.sg_value_first(cursor)
    while child ~= nil do
      local element = value_of(child)
      if element == nil then element = shotgrid.null end
      list[#list + 1] = element
      child = C.sg_value_next(child)
    end
    return list
  end,
  [6] = function(cursor)
    local object = {}
    local child = C.sg_value_first(cursor)
    while child ~= nil do
      local key = C.sg_value_key_text(child, length)
      object[ffi.string(key, length[0])] = value_of(child)
      child = C.sg_value_next(child)
    end
    return object
  end,
}

function value_of(cursor)
  local kind = C.sg_value_get_type(cursor)
  if kind == 4 then
    local word = C.sg_value_text(cursor, length)
    return ffi.string(word, length[0])
  elseif kind == 3 then
    check(C.sg_value_double(cursor, number))
    return number[0]
  elseif kind == 2 then
    check(C.sg_value_bool(cursor, truth))
    return truth[0] ~= 0
  end
  return children[kind] and children[kind](cursor) or nil
end

local function taken(result)
  -- Collected like everything else should value_of() raise an error.
  result = ffi.gc(result, C.sg_result_free)
  local value = value_of(C.sg_result_value(result))
  C.sg_result_free(ffi.gc(result, nil))
  return value
end

-- Operations --------------------------------------------------------------------------------------------------------

local Operation = {}
Operation.__index = Operation

-- Whether it is at its end.
function Operation:done()
  return C.sg_op_is_done(self.handle) ~= 0
end

-- Waits for its end, at most so long (for ever if nil), and tells whether it is there.
function Operation:wait(timeout_ms)
  C.sg_op_wait(self.handle, timeout_ms or -1)
  return self:done()
end

function Operation:cancel()
  check(C.sg_op_cancel(self.handle))
end

-- Its answer, once; waits for it. Raises how it failed.
function Operation:result()
  check(C.sg_op_wait(self.handle, -1))
  local failure = C.sg_op_error(self.handle)
  if failure ~= nil then error(described(failure), 0) end
  local out = ffi.new("sg_result *[1]")
  check(C.sg_op_take_result(self.handle, out))
  return taken(out[0])
end

-- Clients -----------------------------------------------------------------------------------------------------------

local Client = {}

function Client:call(method, arguments)
  local out = ffi.new("sg_result *[1]")
  check(C.sg_call(self.handle, method, arguments and json(arguments), out))
  return taken(out[0])
end

-- Begins a call and gives an operation.
function Client:submit(method, arguments)
  local out = ffi.new("sg_op *[1]")
  check(C.sg_submit(self.handle, method, arguments and json(arguments), nil, out))
  return setmetatable({handle = ffi.gc(out[0], C.sg_op_free)}, Operation)
end

-- Frees the client now; the collector does it else.
function Client:close()
  C.sg_client_free(ffi.gc(self.handle, nil))
  self.handle = nil
end

local metatable = {
  __index = function(_, method)
    return Client[method] or function(client, ...)
      local arguments = shotgrid.list {}
      for index = 1, select("#", ...) do
        local argument = select(index, ...)
        arguments[index] = argument == nil and shotgrid.null or argument
      end
      return client:call(method, arguments)
    end
  end,
}

local function connected(connect, settings, ...)
  local options = ffi.gc(C.sg_options_new(), C.sg_options_free)
  for name, value in pairs(settings or {}) do check(C["sg_options_set_" .. name](options, value)) end
  local out = ffi.new("sg_client *[1]")
  local arguments = {...}
  arguments[#arguments + 1] = options
  arguments[#arguments + 1] = out
  check(connect(unpack(arguments)))
  return setmetatable({handle = ffi.gc(out[0], C.sg_client_free)}, metatable)
end

-- Settings: timeout_ms, sudo_as_login, ca_file, proxy.
function shotgrid.connect_user(site_url, login, password, settings)
  return connected(C.sg_connect_user, settings, site_url, login, password)
end

function shotgrid.connect_script(site_url, script_name, api_key, settings)
  return connected(C.sg_connect_script, settings, site_url, script_name, api_key)
end

function shotgrid.connect_session(site_url, session_token, settings)
  return connected(C.sg_connect_session, settings, site_url, session_token)
end

-- Ends the library's threads, for hosts that unload Lua.
function shotgrid.shutdown(timeout_ms)
  check(C.sg_runtime_shutdown(timeout_ms or 5000))
end

return shotgrid
