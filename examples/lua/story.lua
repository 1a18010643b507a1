-- The story of examples/c/quickstart.c in Lua, with many calls at once, and a collector that frees what is forgotten.
--
--     luajit story.lua <site-url> <artist-login> <artist-password> <script-name> <api-key>

package.path = arg[0]:gsub("[^/\\]*$", "") .. "?.lua;" .. package.path
local shotgrid = require "shotgrid"

if #arg ~= 5 then
  io.stderr:write("usage: luajit story.lua <site-url> <artist-login> <artist-password> <script-name> <api-key>\n")
  os.exit(2)
end
local site_url, login, password, script_name, api_key = unpack(arg)

local function say(...)
  print("   " .. string.format(...))
end

local function refused(class, call, ...)
  local fine, err = pcall(call, ...)
  assert(not fine and err.class == class, "expected a refusal")
  return err
end

print("1. An artist signs in and lists the shots of a project")
local artist = shotgrid.connect_user(site_url, login, password)
local project = artist:find_one("Project", shotgrid.list {}, {"name"})
local shots = artist:call("find", {
  entity_type = "Shot", filters = {{"project", "is", project}}, fields = {"code", "sg_status_list"}, limit = 8,
})
local codes = {}
for index, shot in ipairs(shots) do codes[index] = shot.code end
say("%s: %s", project.name, table.concat(codes, ", "))
local shot, before = shots[#shots].id, shots[#shots].sg_status_list
local after = before == "ip" and "fin" or "ip"

local function status()
  return artist:find_one("Shot", {{"id", "is", shot}}, {"sg_status_list"}).sg_status_list
end

print("2. The artist may not change a shot's status")
local refusal = refused(shotgrid.PERMISSION, artist.update, artist, "Shot", shot, {sg_status_list = after})
say("%s: %s %s.%s, role %s", refusal.name, refusal.operation, refusal.entity_type, refusal.field, refusal.role)
say("it is %s", status() == before and "as it was" or "changed")

print("3. A wrong password is something else")
say("%s", refused(shotgrid.AUTH, shotgrid.connect_user, site_url, login, "not my password").name)

print("4. A script signs in and changes the status")
local script = shotgrid.connect_script(site_url, script_name, api_key)
script:update("Shot", shot, {sg_status_list = after})
say("it is %s", status() == after and "as asked for" or "as it was")

print("5. It registers another script, which signs in with its key")
local made = script:create("ApiUser", {firstname = "story"}, {"salted_password"})
local newcomer = shotgrid.connect_script(site_url, "story", made.salted_password)
newcomer:update("Shot", shot, {sg_status_list = before})
say("and puts the status back")

print("6. That script's events are turned off")
script:update("ApiUser", made.id, {generate_event_log_entries = false})
newcomer:update("Shot", shot, {description = "Written without a trace"})
local logged = {}
for index, entry in ipairs(script:find("EventLogEntry", {{"user", "is", {type = "ApiUser", id = made.id}}}, {"attribute_name"})) do
  logged[index] = entry.attribute_name
end
say("logged: %s", table.concat(logged, ", "))

print("7. The first script acts for the artist")
local acting = shotgrid.connect_script(site_url, script_name, api_key, {sudo_as_login = login})
local note = acting:create("Note", {project = project, subject = "Für Anna — 日本"}, {"created_by", "subject"})
acting:close()
local entry = script:find_one(
  "EventLogEntry", {{"entity", "is", {type = "Note", id = note.id}}, {"event_type", "is", "Shotgun_Note_New"}}, {"user", "meta"})
say("%s: by a %s; in the log a %s, behind it: %s", note.subject, note.created_by.type, entry.user.type,
  entry.meta.sudo_actual_user.type)

print("8. Forty calls that nobody waits for")
local waiting, answers, refusals = {}, 0, 0
for n = 0, 39 do
  waiting[#waiting + 1] = n % 4 ~= 0 and artist:submit("find_one", {"Shot", {{"id", "is", shot}}})
    or artist:submit("update", {"Shot", shot, {sg_status_list = after}})
end
-- A game asks once a frame; this program has nothing else to do, and waits a little for the first of them.
while #waiting > 0 do
  waiting[1]:wait(5)
  for index = #waiting, 1, -1 do
    if waiting[index]:done() then
      local fine, answer = pcall(waiting[index].result, waiting[index])
      answers = answers + (fine and answer.id == shot and 1 or 0)
      refusals = refusals + (not fine and answer.class == shotgrid.PERMISSION and 1 or 0)
      table.remove(waiting, index)
    end
  end
end
say("%d answers and %d refusals", answers, refusals)

print("9. The collector frees in any order")
math.randomseed(1)
for _ = 1, 10 do
  local left = {}
  for _ = 1, 3 do
    local client = shotgrid.connect_script(site_url, script_name, api_key)
    left[#left + 1] = client
    left[#left + 1] = client:submit("find", {"Shot", shotgrid.list {}})
  end
  while #left > 0 do table.remove(left, math.random(#left)) end
  collectgarbage()
end
say("and nothing was harmed")
