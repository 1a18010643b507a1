#!/usr/bin/env python3
"""The official Python client against a site that has just been started.

Usage: official_client.py READY_LINE

READY_LINE is the JSON that `shotgrid-sandbox serve` printed. One line is printed for each check; the exit
code is 0 only if all of them passed. Wants shotgun_api3 (3.10.3) to be installed, and the default seed.
"""

import datetime
import json
import sys
import threading
import traceback

import official_files
import official_methods
import shotgun_api3
from official_checks import equal, refused
from shotgun_api3 import AuthenticationFault, Fault, Shotgun

TIMEOUT_SECONDS = 20
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Site:
    def __init__(self, ready):
        self.url = ready["url"]
        self.name, self.key = ready["script_name"], ready["api_key"]
        self.scripts, self.people = ready["scripts"], ready["people"]

    def bounded(self, client):
        client.config.timeout_secs = TIMEOUT_SECONDS
        return client

    def script(self, **options):
        return self.bounded(Shotgun(self.url, self.name, self.key, connect=False, **options))

    def person(self, role):
        person = next(person for person in self.people if person["role"] == role)
        return self.bounded(Shotgun(self.url, login=person["login"], password=person["password"], connect=False))


PROJECT = {"type": "Project", "id": 1}


@check
def connect_and_info(site):
    client = site.script()
    client.connect()
    info = client.info()
    assert info["version"][0] >= 8 and info["api_max_entities_per_page"] == 500
    assert client.server_caps.version >= (8, 5, 0)
    equal(client.config.records_per_page, 500)


@check
def find_with_deep_fields_and_order(site):
    client = site.script()
    found = client.find(
        "Shot",
        [["project", "is", PROJECT], ["sg_sequence.Sequence.code", "is", "SQ010"]],
        ["code", "sg_sequence", "sg_sequence.Sequence.code", "assets", "tasks", "created_at"],
        order=[{"field_name": "code", "direction": "desc"}],
    )
    equal([shot["code"] for shot in found], [f"SQ010_{n:03}0" for n in range(8, 0, -1)])
    equal(found[0]["sg_sequence"], {"type": "Sequence", "id": 1, "name": "SQ010"})
    equal(found[0]["sg_sequence.Sequence.code"], "SQ010")
    assert isinstance(found[0]["created_at"], datetime.datetime)
    equal(len(found[0]["assets"]), 3)


@check
def find_with_nested_filters(site):
    client = site.script()
    late = {"filter_operator": "any", "filters": [["sg_cut_order", "greater_than", 60], ["code", "ends_with", "0010"]]}
    found = client.find("Shot", [["project", "is", PROJECT], late], ["code"])
    equal([shot["code"] for shot in found], ["SQ010_0010", "SQ010_0070", "SQ010_0080", "SQ020_0010", "SQ020_0070", "SQ030_0010"])
    equal(len(client.find("Shot", [["sg_status_list", "in", ["ip", "fin"]]], filter_operator="any")), len(client.find("Shot", [["sg_status_list", "in", "ip", "fin"]])))


@check
def find_all_pages(site):
    client = site.script()
    tag = {"request_type": "create", "entity_type": "Tag"}
    client.batch([{**tag, "data": {"name": f"page {n}"}} for n in range(520)])
    paged = [["name", "starts_with", "page "]]
    found = client.find("Tag", paged, ["name"])
    equal([tag["name"] for tag in found], [f"page {n}" for n in range(520)])
    equal(len(client.find("Tag", paged, limit=510)), 510)
    equal(len(client.find("Tag", paged, limit=100, page=6)), 20)
    equal(len(client.find("Tag", paged, limit=3)), 3)


@check
def find_one(site):
    client = site.script()
    equal(client.find_one("Shot", [["code", "is", "sq010_0010"]], ["code"])["code"], "SQ010_0010")
    equal(client.find_one("Shot", [["code", "is", "nothing"]]), None)


@check
def bad_finds(site):
    client = site.script()
    refused(Fault, "API read() Shot.foo doesn't exist.", client.find, "Shot", [["foo", "is", 1]])
    refused(Fault, "Entity type 'Blob' does not exist.", client.find, "Blob", [])
    equal(client.find_one("Shot", [["id", "is", 1]], ["foo"]), {"type": "Shot", "id": 1})


@check
def create_update_delete_revive(site):
    client = site.script()
    due = datetime.datetime(2031, 5, 6, 7, 8, 9)
    made = client.create(
        "Shot",
        {"project": PROJECT, "code": "OFFICIAL_010", "description": "Größe ✓", "sg_due": due, "sg_turnover": datetime.date(2031, 5, 6)},
        return_fields=["sg_status_list"],
    )
    equal((made["code"], made["description"], made["sg_status_list"]), ("OFFICIAL_010", "Größe ✓", "wtg"))
    equal(made["sg_due"].replace(tzinfo=None), due)
    equal(made["sg_turnover"], "2031-05-06")
    equal(client.update("Shot", made["id"], {"sg_cut_in": 7}), {"type": "Shot", "id": made["id"], "sg_cut_in": 7})
    add = client.update("Shot", made["id"], {"assets": [{"type": "Asset", "id": 1}]}, multi_entity_update_modes={"assets": "add"})
    equal([asset["id"] for asset in add["assets"]], [1])
    remove = client.update("Shot", made["id"], {"assets": [{"type": "Asset", "id": 1}]}, multi_entity_update_modes={"assets": "remove"})
    equal(remove["assets"], [])
    equal((client.delete("Shot", made["id"]), client.delete("Shot", made["id"])), (True, False))
    equal(client.find_one("Shot", [["id", "is", made["id"]]], retired_only=True)["id"], made["id"])
    equal((client.revive("Shot", made["id"]), client.revive("Shot", made["id"])), (True, False))
    client.delete("Shot", made["id"])


@check
def refused_writes(site):
    client = site.script()
    refused(Fault, "required to be unique", client.create, "Project", {"name": "The Harbour Light"})
    refused(Fault, "API create() missing 'project' attribute", client.create, "Shot", {"code": "x"})
    refused(Fault, "does not exist.", client.delete, "Shot", 1000000)
    refused(Fault, "API update() CRUD ERROR #5: Update failed for [Shot.sg_status_list]", client.update, "Shot", 1, {"sg_status_list": "nope"})
    refused(Fault, "is editable on create only", client.update, "Task", 1, {"updated_at": datetime.datetime.now()})


@check
def batch(site):
    client = site.script()
    create = {"request_type": "create", "entity_type": "Shot", "data": {"project": PROJECT, "code": "BATCH_010"}}
    made = client.batch([create, {"request_type": "update", "entity_type": "Shot", "entity_id": 2, "data": {"sg_cut_in": 5}}])
    equal((made[0]["code"], made[1]), ("BATCH_010", {"type": "Shot", "id": 2, "sg_cut_in": 5}))
    equal(client.batch([{"request_type": "delete", "entity_type": "Shot", "entity_id": made[0]["id"]}]), [True])
    create["data"]["code"] = "BATCH_020"
    bad = {"request_type": "update", "entity_type": "Shot", "entity_id": 1000000, "data": {"code": "x"}}
    refused(Fault, "API batch() request with index 1 failed.  All requests rolled back.\n", client.batch, [create, bad])
    equal(client.find_one("Shot", [["code", "is", "BATCH_020"]]), None)


@check
def summarize(site):
    client = site.script()
    reply = client.summarize(
        "Shot",
        [["project", "is", PROJECT]],
        [{"field": "id", "type": "count"}, {"field": "sg_cut_duration", "type": "sum"}],
        grouping=[{"field": "sg_sequence", "type": "exact", "direction": "asc"}],
    )
    equal(reply["summaries"]["id"], 21)
    equal([(group["group_name"], group["summaries"]["id"]) for group in reply["groups"]], [("SQ010", 8), ("SQ020", 7), ("SQ030", 6)])
    equal(sum(group["summaries"]["sg_cut_duration"] for group in reply["groups"]), reply["summaries"]["sg_cut_duration"])


@check
def schema(site):
    client = site.script()
    types = client.schema_entity_read()
    assert {"Project", "Shot", "Task", "ApiUser", "EventLogEntry"} <= set(types)
    everything = client.schema_read()
    equal(set(everything), set(types))
    field = client.schema_field_read("Shot", "sg_status_list")["sg_status_list"]
    equal(field["data_type"]["value"], "status_list")
    equal(client.schema_field_read("Shot", project_entity=PROJECT)["sg_status_list"], field)
    for name in types:
        client.find(name, [], list(everything[name]), limit=3)


@check
def wrong_credentials(site):
    bad_key = site.bounded(Shotgun(site.url, site.name, "0" * 64, connect=False))
    refused(AuthenticationFault, f"Can't authenticate script '{site.name}'", bad_key.find, "Shot", [])
    bad_password = site.bounded(Shotgun(site.url, login="manager", password="wrong", connect=False))
    refused(AuthenticationFault, "Can't authenticate user 'manager'.", bad_password.find, "Shot", [])
    bad_token = site.bounded(Shotgun(site.url, session_token="0123456789abcdef", connect=False))
    refused(AuthenticationFault, "Can't authenticate session token ending with 'cdef'", bad_token.find, "Shot", [])


@check
def authenticate_human_user(site):
    client = site.script()
    person = site.people[0]
    equal(client.authenticate_human_user(person["login"], person["password"])["login"], person["login"])
    refused(AuthenticationFault, "Can't authenticate user", client.authenticate_human_user, person["login"], "wrong")


@check
def session_tokens(site):
    token = site.person("artist").get_session_token()
    client = site.bounded(Shotgun(site.url, session_token=token))
    equal([project["id"] for project in client.find("Project", [])], [1])


@check
def a_role_refuses(site):
    artist = site.person("artist")
    shots = artist.find("Shot", [["project", "is", PROJECT]], ["code"])
    equal(len(shots), 21)
    rule = "The field is not editable for this user: [Shot.sg_status_list]. Rule: Artist -- PermissionRule "
    refused(Fault, rule, artist.update, "Shot", shots[0]["id"], {"sg_status_list": "fin"})
    refused(Fault, "Entity of type ApiUser can not be accessed by this user. Rule: Artist", artist.find, "ApiUser", [])
    refused(Fault, "Entity of type EventLogEntry cannot be created by this user.", artist.create, "EventLogEntry", {"event_type": "A_B_C"})


@check
def a_script_registers_a_script_and_turns_its_events_off(site):
    client = site.script()
    made = client.create("ApiUser", {"firstname": "official", "email": "official@studio.example"}, return_fields=["salted_password"])
    equal(len(made["salted_password"]), 64)
    other = site.bounded(Shotgun(site.url, "official", made["salted_password"]))
    about = [["user", "is", {"type": "ApiUser", "id": made["id"]}]]
    other.update("Shot", 3, {"description": "told"})
    equal(len(client.find("EventLogEntry", about)), 1)
    client.update("ApiUser", made["id"], {"generate_event_log_entries": False})
    other.update("Shot", 3, {"description": "not told"})
    equal(len(client.find("EventLogEntry", about)), 1)
    equal(client.find_one("ApiUser", [["id", "is", made["id"]]], ["salted_password"])["salted_password"], "*******")
    client.delete("ApiUser", made["id"])
    refused(AuthenticationFault, "Can't authenticate script 'official'", other.find, "Shot", [])


@check
def acting_for_a_person(site):
    client = site.script(sudo_as_login="artist")
    note = client.create("Note", {"project": PROJECT, "subject": "By proxy"})
    admin = site.script()
    made = admin.find_one("Note", [["id", "is", note["id"]]], ["created_by"])
    equal(made["created_by"]["name"], "Aki Tanaka")
    event = admin.find_one("EventLogEntry", [["entity", "is", note], ["event_type", "is", "Shotgun_Note_New"]], ["user", "meta"])
    equal((event["user"]["name"], event["meta"]["sudo_actual_user"]["type"]), ("Aki Tanaka", "ApiUser"))
    lesser = next(script for script in site.scripts if script["role"] != "api_admin")
    other = site.bounded(Shotgun(site.url, lesser["script_name"], lesser["api_key"], sudo_as_login="artist", connect=False))
    refused(Fault, "The user does not have permission to 'sudo':", other.find, "Shot", [])
    inactive = site.script(sudo_as_login="gone")
    refused(AuthenticationFault, "Cannot 'sudo' - inactive user account: 'gone'", inactive.find, "Shot", [])


@check
def the_event_log(site):
    client = site.script()
    client.set_session_uuid("5f0c9a52-0000-4000-8000-00000000abcd")
    shot = client.create("Shot", {"project": PROJECT, "code": "EVENT_010"})
    entity = [["entity", "is", {"type": "Shot", "id": shot["id"]}]]
    events = client.find("EventLogEntry", entity, ["event_type", "session_uuid", "meta"])
    equal([event["event_type"] for event in events], ["Shotgun_Shot_Change"] * 3 + ["Shotgun_Shot_New"])
    equal({event["session_uuid"] for event in events}, {"5f0c9a52-0000-4000-8000-00000000abcd"})
    own = client.create("EventLogEntry", {"event_type": "Studio_Test_Done", "created_at": datetime.datetime(2020, 1, 2, 3, 4, 5)}, ["created_at"])
    equal(own["created_at"].replace(tzinfo=None), datetime.datetime(2020, 1, 2, 3, 4, 5))
    refused(Fault, "can not be deleted by this user", client.delete, "EventLogEntry", own["id"])
    client.delete("Shot", shot["id"])


@check
def many_clients_at_once(site):
    failures = []

    def work():
        client = site.script()
        try:
            for _ in range(10):
                equal(len(client.find("Shot", [["project", "is", PROJECT]])), 21)
        except Exception as error:  # told by the check, whatever it is
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)
    equal(failures, [])


official_files.add(check, equal, refused)
official_methods.add(check, equal, refused)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    site = Site(json.loads(sys.argv[1]))
    census = official_methods.Census()

    def every_public_method_of_the_client_is_used(_site):
        equal(census.unused(), [])

    check(every_public_method_of_the_client_is_used)
    census.begin()
    failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            function(site)
            print(f"ok      {name}")
        except Exception:  # any failure is the check's result
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}")
    census.end()
    print(f"{len(CHECKS) - failed} passed, {failed} failed (shotgun_api3 {shotgun_api3.__version__})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
