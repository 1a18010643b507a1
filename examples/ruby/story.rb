# frozen_string_literal: true

# The story of examples/c/quickstart.c in Ruby, with many calls at once, and a collector that frees what is forgotten.
#
#     ruby story.rb <site-url> <artist-login> <artist-password> <script-name> <api-key>

require_relative "shotgrid"

abort "usage: ruby story.rb <site-url> <artist-login> <artist-password> <script-name> <api-key>" unless ARGV.size == 5
site_url, login, password, script_name, api_key = ARGV

def refused(kind)
  yield
  abort "expected a refusal"
rescue kind => error
  error
end

puts "1. An artist signs in and lists the shots of a project"
artist = Shotgrid::Client.user(site_url, login, password)
project = artist.find_one("Project", [], ["name"])
shots = artist.find("Shot", [["project", "is", project]], %w[code sg_status_list], limit: 8)
puts "   #{project['name']}: #{shots.map { |shot| shot['code'] }.join(', ')}"
shot, before = shots.last.values_at("id", "sg_status_list")
after = before == "ip" ? "fin" : "ip"
status = -> { artist.find_one("Shot", [["id", "is", shot]], ["sg_status_list"])["sg_status_list"] }

puts "2. The artist may not change a shot's status"
refusal = refused(Shotgrid::PermissionRefused) { artist.update("Shot", shot, { sg_status_list: after }) }
puts "   #{refusal.name}: #{refusal.operation} #{refusal.entity_type}.#{refusal.field}, role #{refusal.role}"
puts "   it is #{status.call == before ? 'as it was' : 'changed'}"

puts "3. A wrong password is something else"
puts "   #{refused(Shotgrid::AuthError) { Shotgrid::Client.user(site_url, login, 'not my password') }.name}"

puts "4. A script signs in and changes the status"
script = Shotgrid::Client.script(site_url, script_name, api_key)
script.update("Shot", shot, { sg_status_list: after })
puts "   it is #{status.call == after ? 'as asked for' : 'as it was'}"

puts "5. It registers another script, which signs in with its key"
made = script.create("ApiUser", { firstname: "story" }, ["salted_password"])
newcomer = Shotgrid::Client.script(site_url, "story", made["salted_password"])
newcomer.update("Shot", shot, { sg_status_list: before })
puts "   and puts the status back"

puts "6. That script's events are turned off"
script.update("ApiUser", made["id"], { generate_event_log_entries: false })
newcomer.update("Shot", shot, { description: "Written without a trace" })
entries = script.find("EventLogEntry", [["user", "is", made.slice("type", "id")]], ["attribute_name"])
puts "   logged: #{entries.map { |entry| entry['attribute_name'] }.join(', ')}"

puts "7. The first script acts for the artist"
acting = Shotgrid::Client.script(site_url, script_name, api_key, sudo_as_login: login)
note = acting.create("Note", { project: project, subject: "Für Anna — 日本" }, %w[created_by subject])
of_note = [["entity", "is", note.slice("type", "id")], %w[event_type is Shotgun_Note_New]]
entry = script.find_one("EventLogEntry", of_note, %w[user meta])
puts "   #{note['subject']}: by a #{note['created_by']['type']}; in the log a #{entry['user']['type']}, " \
     "behind it: #{entry['meta']['sudo_actual_user']['type']}"

puts "8. Forty calls that nobody waits for"
queue = Shotgrid::Queue.new
answers = []
40.times do |n|
  if (n % 4).zero?
    queue.submit(artist, :update, "Shot", shot, { sg_status_list: after }) { |answer, error| answers << (answer || error) }
  else
    queue.submit(artist, :find_one, "Shot", [["id", "is", shot]]) { |answer, error| answers << (answer || error) }
  end
end
while answers.size < 40
  IO.select([queue.io], nil, nil, 30) || abort("nothing came for 30 seconds")
  queue.dispatch
end
right = answers.count { |answer| answer.is_a?(Hash) && answer["id"] == shot }
puts "   #{right} answers and #{answers.grep(Shotgrid::PermissionRefused).size} refusals"

puts "9. The collector frees in any order"
10.times do |turn|
  left = Array.new(3) do
    client = Shotgrid::Client.script(site_url, script_name, api_key)
    forgotten = Shotgrid::Queue.new
    [client, forgotten, forgotten.submit(client, :find, "Shot", []) { |answer, error| [answer, error] }]
  end
  left = left.flatten.shuffle(random: Random.new(turn))
  left.pop until left.empty?
  GC.start
end
puts "   and nothing was harmed"
