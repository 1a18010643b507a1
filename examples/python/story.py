"""The story of examples/c/quickstart.c in Python, with many calls at once, and a collector that frees what is forgotten.

    python3 story.py <site-url> <artist-login> <artist-password> <script-name> <api-key>
"""

import asyncio
import gc
import random
import sys

import shotgrid


def main(site_url, login, password, script_name, api_key):
    print("1. An artist signs in and lists the shots of a project")
    artist = shotgrid.Client.connect_user(site_url, login, password)
    project = artist.find_one("Project", [], ["name"])
    shots = artist.find("Shot", [["project", "is", project]], ["code", "sg_status_list"], limit=8)
    print("   %s: %s" % (project["name"], ", ".join(shot["code"] for shot in shots)))
    shot, before = shots[-1]["id"], shots[-1]["sg_status_list"]
    after = "fin" if before == "ip" else "ip"

    def status():
        return artist.find_one("Shot", [["id", "is", shot]], ["sg_status_list"])["sg_status_list"]

    print("2. The artist may not change a shot's status")
    try:
        artist.update("Shot", shot, {"sg_status_list": after})
    except shotgrid.PermissionRefused as refusal:
        print("   %s: %s %s.%s, role %s" % (refusal.name, refusal.operation, refusal.entity_type, refusal.field, refusal.role))
    print("   it is %s" % ("as it was" if status() == before else "changed"))

    print("3. A wrong password is something else")
    try:
        shotgrid.Client.connect_user(site_url, login, "not my password")
    except shotgrid.AuthError as error:
        print("   %s" % error.name)

    print("4. A script signs in and changes the status")
    script = shotgrid.Client.connect_script(site_url, script_name, api_key)
    script.update("Shot", shot, {"sg_status_list": after})
    print("   it is %s" % ("as asked for" if status() == after else "as it was"))

    print("5. It registers another script, which signs in with its key")
    made = script.create("ApiUser", {"firstname": "story"}, ["salted_password"])
    newcomer = shotgrid.Client.connect_script(site_url, "story", made["salted_password"])
    newcomer.update("Shot", shot, {"sg_status_list": before})
    print("   and puts the status back")

    print("6. That script's events are turned off")
    script.update("ApiUser", made["id"], {"generate_event_log_entries": False})
    newcomer.update("Shot", shot, {"description": "Written without a trace"})
    entries = script.find("EventLogEntry", [["user", "is", made]], ["attribute_name"])
    logged = [entry["attribute_name"] for entry in entries]
    print("   logged: %s" % ", ".join(logged))

    print("7. The first script acts for the artist")
    with shotgrid.Client.connect_script(site_url, script_name, api_key, sudo_as_login=login) as acting:
        note = acting.create("Note", {"project": project, "subject": "Für Anna — 日本"}, ["created_by", "subject"])
    entry = script.find_one("EventLogEntry", [["entity", "is", note], ["event_type", "is", "Shotgun_Note_New"]], ["user", "meta"])
    behind = entry["meta"]["sudo_actual_user"]["type"]
    print("   %s: by a %s; in the log a %s, behind it: %s" % (note["subject"], note["created_by"]["type"], entry["user"]["type"], behind))

    print("8. Forty calls that nobody waits for")
    answers = asyncio.run(forty(artist, shot, after))
    right = sum(1 for answer in answers if isinstance(answer, dict) and answer["id"] == shot)
    refused = sum(1 for answer in answers if isinstance(answer, shotgrid.PermissionRefused))
    print("   %d answers and %d refusals" % (right, refused))

    print("9. The collector frees in any order")
    forget(site_url, script_name, api_key)
    print("   and nothing was harmed")


async def forty(client, shot, status):
    calls = [
        client.later.find_one("Shot", [["id", "is", shot]]) if n % 4 else client.later.update("Shot", shot, {"sg_status_list": status})
        for n in range(40)
    ]
    return await asyncio.gather(*calls, return_exceptions=True)


def forget(site_url, script_name, api_key):
    for turn in range(10):
        left = []
        for _ in range(3):
            client = shotgrid.Client.connect_script(site_url, script_name, api_key)
            queue = shotgrid.Queue()
            cancel = queue.submit(client, "find", ("Shot", []), {}, lambda value, error: None)
            left += [client, queue, cancel]
        if turn % 2:
            left.append(left)  # a cycle: only the collector finds it
        random.Random(turn).shuffle(left)
        while left and turn % 2 == 0:
            left.pop()
        del left, client, queue, cancel
        gc.collect()


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
