// The story of examples/c/quickstart.c in JavaScript, with many calls at once, and a collector that frees what is forgotten.
//
//     node --expose-gc story.mjs <site-url> <artist-login> <artist-password> <script-name> <api-key>

import { AuthError, Client, PermissionRefused } from "./shotgrid.mjs";

const [siteUrl, login, password, scriptName, apiKey] = process.argv.slice(2);
if (apiKey === undefined) {
  console.error("usage: node --expose-gc story.mjs <site-url> <artist-login> <artist-password> <script-name> <api-key>");
  process.exit(2);
}
const say = (text) => console.log(`   ${text}`);

async function refused(kind, promise) {
  const error = await promise.then(
    () => null,
    (error) => error,
  );
  if (!(error instanceof kind)) throw error ?? new Error("expected a refusal");
  return error;
}

console.log("1. An artist signs in and lists the shots of a project");
const artist = await Client.user(siteUrl, login, password);
const project = await artist.find_one("Project", [], ["name"]);
const shots = await artist.find("Shot", [["project", "is", project]], ["code", "sg_status_list"], { limit: 8 });
say(`${project.name}: ${shots.map(({ code }) => code).join(", ")}`);
const { id: shot, sg_status_list: before } = shots.at(-1);
const after = before === "ip" ? "fin" : "ip";
const status = async () => (await artist.find_one("Shot", [["id", "is", shot]], ["sg_status_list"])).sg_status_list;

console.log("2. The artist may not change a shot's status");
const refusal = await refused(PermissionRefused, artist.update("Shot", shot, { sg_status_list: after }));
say(`${refusal.status}: ${refusal.operation} ${refusal.entityType}.${refusal.field}, role ${refusal.role}`);
say(`it is ${(await status()) === before ? "as it was" : "changed"}`);

console.log("3. A wrong password is something else");
say((await refused(AuthError, Client.user(siteUrl, login, "not my password"))).status);

console.log("4. A script signs in and changes the status");
const script = await Client.script(siteUrl, scriptName, apiKey);
await script.update("Shot", shot, { sg_status_list: after });
say(`it is ${(await status()) === after ? "as asked for" : "as it was"}`);

console.log("5. It registers another script, which signs in with its key");
const made = await script.create("ApiUser", { firstname: "story" }, ["salted_password"]);
const newcomer = await Client.script(siteUrl, "story", made.salted_password);
await newcomer.update("Shot", shot, { sg_status_list: before });
say("and puts the status back");

console.log("6. That script's events are turned off");
await script.update("ApiUser", made.id, { generate_event_log_entries: false });
await newcomer.update("Shot", shot, { description: "Written without a trace" });
const entries = await script.find("EventLogEntry", [["user", "is", { type: "ApiUser", id: made.id }]], ["attribute_name"]);
say(`logged: ${entries.map((entry) => entry.attribute_name).join(", ")}`);

console.log("7. The first script acts for the artist");
const acting = await Client.script(siteUrl, scriptName, apiKey, { sudoAsLogin: login });
const note = await acting.create("Note", { project, subject: "Für Anna — 日本" }, ["created_by", "subject"]);
acting.close();
const ofNote = [["entity", "is", { type: "Note", id: note.id }], ["event_type", "is", "Shotgun_Note_New"]];
const entry = await script.find_one("EventLogEntry", ofNote, ["user", "meta"]);
say(`${note.subject}: by a ${note.created_by.type}; in the log a ${entry.user.type}, behind it: ${entry.meta.sudo_actual_user.type}`);

console.log("8. Forty calls that nobody waits for");
const calls = Array.from({ length: 40 }, (_, n) =>
  n % 4 === 0 ? artist.update("Shot", shot, { sg_status_list: after }) : artist.find_one("Shot", [["id", "is", shot]]),
);
const answers = await Promise.allSettled(calls);
const right = answers.filter(({ value }) => value?.id === shot).length;
say(`${right} answers and ${answers.filter(({ reason }) => reason instanceof PermissionRefused).length} refusals`);

console.log("9. The collector frees in any order");
for (let turn = 0; turn < 10; turn++) {
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = await Client.script(siteUrl, scriptName, apiKey);
      // Nobody waits for it, and its client is forgotten meanwhile.
      client.find("Shot", []).catch(() => {});
    }),
  );
  globalThis.gc?.();
  await new Promise(setImmediate);
}
say("and nothing was harmed");
