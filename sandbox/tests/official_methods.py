"""The methods beside rows and files, by the official client; and the count that no public method of it goes unused.
`official_client.py` runs these checks with its own."""

import csv
import inspect
import os
import sys
import threading
import time

from shotgun_api3 import Fault, Shotgun, ShotgunError

PROJECT = {"type": "Project", "id": 1}
SHOT = {"type": "Shot", "id": 1}
ARTIST = {"type": "HumanUser", "id": 3}
OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))


class Census:
    """Which public methods and properties of the client are used from the files of this folder, by their code: the
    client itself stays as it is, and what its methods call of each other does not count."""

    def __init__(self):
        self.names = {}
        for name, member in inspect.getmembers(Shotgun):
            function = member.fget if isinstance(member, property) else member
            if not name.startswith("_") and inspect.isfunction(function):
                self.names[function.__code__] = name
        self.used = set()

    def begin(self):
        sys.setprofile(self.seen)
        threading.setprofile(self.seen)

    def end(self):
        sys.setprofile(None)
        threading.setprofile(None)

    def seen(self, frame, event, _argument):
        if event == "call" and frame.f_code in self.names and frame.f_back is not None:
            if os.path.dirname(os.path.abspath(frame.f_back.f_code.co_filename)) == OWN_FOLDER:
                self.used.add(self.names[frame.f_code])

    def unused(self):
        return sorted(set(self.names.values()) - self.used)


def add(check, equal, refused):
    @check
    def server_and_client(site):
        client = site.script()
        equal(client.server_info, client.info())
        assert client.server_caps.version == tuple(client.server_info["version"][:3])
        client.add_user_agent("studio-tool (1.0)")
        assert "studio-tool (1.0)" in "; ".join(client._user_agents)
        equal(len(client.find("Shot", [], limit=1)), 1)
        client.reset_user_agent()
        assert "studio-tool (1.0)" not in "; ".join(client._user_agents)
        client.close()
        # A client that was closed connects again by itself.
        equal(len(client.find("Shot", [], limit=1)), 1)
        url = client.get_attachment_download_url({"type": "Attachment", "id": 5})
        equal(url, f"{site.url}/file_serve/attachment/5")
        cookies = client.get_auth_cookie_handler().cookiejar
        equal([(cookie.name, cookie.value) for cookie in cookies], [("_session_id", client.get_session_token())])
        refused(ShotgunError, "Deprecated", client.schema, "Shot")
        refused(ShotgunError, "Deprecated", client.entity_types)

    @check
    def fields_are_made_changed_and_deleted(site):
        client = site.script()
        properties = {"description": "How many monkeys were needed", "summary_default": "sum"}
        name = client.schema_field_create("Version", "number", "Monkey Count", properties)
        equal(name, "sg_monkey_count")
        equal(client.schema_field_create("Version", "number", "Monkey Count"), "sg_monkey_count_1")
        field = client.schema_field_read("Version", name)[name]
        equal((field["data_type"]["value"], field["name"]["value"]), ("number", "Monkey Count"))
        equal((field["description"]["value"], field["properties"]["summary_default"]["value"]), tuple(properties.values()))
        made = client.create("Version", {"project": PROJECT, "code": "MONKEYS", name: 12})
        equal(made[name], 12)
        equal([row["id"] for row in client.find("Version", [[name, "greater_than", 11]], [name])], [made["id"]])
        equal(client.summarize("Version", [[name, "is_not", None]], [{"field": name, "type": "sum"}])["summaries"], {name: 12})
        equal(client.schema_field_update("Version", name, {"name": "Apes", "description": "turned up"}), True)
        equal(client.schema_field_update("Version", name, {"visible": False}, project_entity=PROJECT), True)
        for project, visible in ((PROJECT, False), ({"type": "Project", "id": 2}, True), (None, True)):
            shown = client.schema_field_read("Version", name, project_entity=project)[name]
            equal((shown["name"]["value"], shown["visible"]), ("Apes", {"value": visible, "editable": True}))
            equal(client.schema_read(project)["Version"][name], shown)
        assert client.schema_entity_read(PROJECT)["Version"]["visible"]["value"]
        refused(Fault, "missing 'project'", client.schema_field_update, "Version", name, {"visible": False})
        refused(Fault, "invalid 'data_type'", client.schema_field_create, "Version", "colour", "X")
        artist = site.person("artist")
        refused(Fault, "cannot be created by this user", artist.schema_field_create, "Version", "text", "X")
        refused(Fault, "is not editable for this user: [Version.sg_monkey_count]", artist.schema_field_update, "Version", name, {"name": "X"})
        refused(Fault, "can not be deleted by this user", artist.schema_field_delete, "Version", name)
        equal(client.schema_field_delete("Version", name), True)
        equal(client.schema_field_delete("Version", "sg_monkey_count_1"), True)
        refused(Fault, f"Version.{name} doesn't exist.", client.schema_field_read, "Version", name)
        refused(Fault, "there is a retired field with the same field_name", client.schema_field_create, "Version", "text", "Monkey Count")
        client.delete("Version", made["id"])

    @check
    def the_navigation_tree(site):
        client = site.script()
        node = client.nav_expand("/Project/1")
        equal(([child["label"] for child in node["children"]], node["parent_path"]), (["Assets", "Shots"], "/"))
        shots = client.nav_expand("/Project/1/Shot", seed_entity_field="PublishedFile.entity")
        equal([child["label"] for child in shots["children"][:3]], ["SQ010", "SQ020", "SQ030"])
        equal(shots["target_entities"]["type"], "PublishedFile")
        sequence = client.nav_expand(shots["children"][0]["path"], "Version.entity", {"Shot": ["sg_status_list"]})
        equal(sequence["children"][0]["ref"]["value"], {**SHOT, "sg_status_list": "fin"})
        presets = sequence["target_entities"]["additional_filter_presets"]
        versions = client.find("Version", [], ["entity"], additional_filter_presets=presets)
        assert versions and all(version["entity"]["name"].startswith("SQ010") for version in versions)
        found = client.nav_search_entity("/Project/1", SHOT)
        equal(found[0]["incremental_path"][-1], "/Project/1/Shot/sg_sequence/Sequence/1/id/1")
        equal((found[0]["path_label"], found[0]["project_id"]), ("Shots > SQ010", 1))
        equal(client.nav_expand(found[0]["incremental_path"][-1])["label"], "SQ010_0010")
        equal([row["label"] for row in client.nav_search_string("/", "SQ010_0010")], ["SQ010_0010"])
        equal(client.nav_search_string("/Project/1/Asset", "SQ010_0010"), [])
        refused(Fault, "Unexpected result looking for project: 999: 0 found.", client.nav_expand, "/Project/999")
        refused(Fault, "is not part of the tree: HumanUser", client.nav_search_entity, "/Project/1", ARTIST)

    @check
    def searching_by_text(site):
        client = site.script()
        for order in (("Task", "Shot"), ("Shot", "Task")):
            found = client.text_search("SQ010_0010", {name: [] for name in order})
            kinds = [match["type"] for match in found["matches"]]
            equal((found["terms"], sorted(set(kinds), key=kinds.index)), (["sq010_0010"], list(order)))
        some = client.text_search("sq0", {"Shot": [["sg_status_list", "is", "ip"]]}, project_ids=[1], limit=2)["matches"]
        equal([(match["status"], match["project_id"], match["links"]) for match in some], [("ip", 1, ["", ""])] * 2)
        equal(client.text_search("sq010", {"Shot": []}, project_ids=[2])["matches"], [])
        refused(Fault, "at least 3 characters", client.text_search, "sq", {"Shot": []})
        refused(ValueError, "must be a dictionary", client.text_search, "sq010", ["Shot"])

    @check
    def threads_and_streams(site):
        client = site.script()
        note = client.create("Note", {"project": PROJECT, "subject": "Thread", "content": "first", "note_links": [SHOT]})
        client.create("Reply", {"entity": note, "content": "second", "user": ARTIST})
        thread = client.note_thread_read(note["id"], {"Note": ["subject"]})
        equal([(row["type"], row["content"]) for row in thread], [("Note", "first"), ("Reply", "second")])
        equal((thread[0]["subject"], thread[1]["user"]["id"]), ("Thread", 3))
        stream = client.activity_stream_read("Note", note["id"], {"Note": ["subject"]})
        equal(sorted(stream), ["earliest_update_id", "entity_id", "entity_type", "latest_update_id", "updates"])
        equal([update["update_type"] for update in stream["updates"]][:2], ["create_reply", "create"])
        equal(stream["updates"][0]["primary_entity"]["subject"], "Thread")
        ids = [update["id"] for update in stream["updates"]]
        equal(ids, sorted(ids, reverse=True))
        older = client.activity_stream_read("Note", note["id"], max_id=ids[0], limit=1)
        equal([update["id"] for update in older["updates"]], [ids[1]])
        equal(client.activity_stream_read("Note", note["id"], min_id=ids[0])["updates"], [])
        artist = site.person("artist")
        read = [[update["read"] for update in artist.activity_stream_read("Note", note["id"])["updates"]] for _ in range(2)]
        equal((set(read[0]), set(read[1])), ({False}, {True}))
        refused(ValueError, "entity_fields", client.note_thread_read, note["id"], ["subject"])
        client.delete("Note", note["id"])

    @check
    def following(site):
        client = site.script()
        equal(client.follow(ARTIST, SHOT), {"followed": True, "user": ARTIST, "entity": SHOT})
        equal([(user["id"], user["name"], user["status"]) for user in client.followers(SHOT)], [(3, "Aki Tanaka", "act")])
        equal(client.following(ARTIST), [SHOT])
        equal(client.following(ARTIST, project=PROJECT, entity_type="Shot"), [SHOT])
        equal(client.following(ARTIST, entity_type="Asset"), [])
        equal(client.unfollow(ARTIST, SHOT), {"unfollowed": True, "user": ARTIST, "entity": SHOT})
        equal((client.followers(SHOT), client.following(ARTIST)), ([], []))

    @check
    def the_work_schedule(site):
        client = site.script()
        usual = {"description": None, "reason": "STUDIO_WORK_WEEK", "working": True}
        equal(client.work_schedule_read("2012-01-02", "2012-01-03"), {"2012-01-02": usual, "2012-01-03": usual})
        expected = {"date": "2012-01-02", "working": False, "description": "Holiday", "project": None, "user": None}
        equal(client.work_schedule_update("2012-01-02", False, "Holiday"), expected)
        client.work_schedule_update("2012-01-02", True, "Project", project=PROJECT)
        client.work_schedule_update("2012-01-02", False, "Artist", user=ARTIST, recalculate_field="due_date")
        for scope, reason in (({}, "STUDIO"), ({"project": PROJECT}, "PROJECT"), ({"project": PROJECT, "user": ARTIST}, "USER")):
            equal(client.work_schedule_read("2012-01-02", "2012-01-02", **scope)["2012-01-02"]["reason"], f"{reason}_EXCEPTION")
        refused(Fault, "can't both be given", client.work_schedule_update, "2012-01-03", False, None, PROJECT, ARTIST)

    @check
    def pages_preferences_and_subscriptions(site):
        client = site.script()
        lines = list(csv.DictReader(client.export_page(1, "csv").decode().splitlines()))
        equal([line["Shot Code"] for line in lines], [shot["code"] for shot in client.find("Shot", [["project", "is", PROJECT]], ["code"])])
        equal((lines[0]["Shot Code"], lines[0]["Project"]), ("SQ010_0010", "The Harbour Light"))
        equal(client.export_page(1, "csv", layout_name="Default"), client.export_page(1, "csv"))
        refused(Fault, "Export for Page id=1000 not available", client.export_page, 1000, "csv")
        equal(client.preferences_read(["hours_per_day", "nothing"]), {"hours_per_day": 8.0})
        equal(len(client.preferences_read()), 17)
        equal(client.user_subscriptions_create([{"humanUserId": 3, "subscription": ["one", "two"]}]), True)
        held = {user["humanUserId"]: user["subscription"] for user in client.user_subscriptions_read()}
        equal((held[3], held[4]), (["one", "two"], None))
        refused(Fault, "Invalid humanUserId 9999", client.user_subscriptions_create, [{"humanUserId": 9999, "subscription": None}])

    @check
    def visits_to_projects(site):
        client, artist = site.script(), site.person("artist")
        field = "last_accessed_by_current_user"

        def visited(caller):
            return caller.find_one("Project", [["id", "is", 1]], [field])[field]

        equal((visited(client), visited(artist)), (None, None))
        equal(client.update_project_last_accessed(PROJECT, ARTIST), None)
        first = visited(artist)
        assert first is not None and visited(client) is None
        time.sleep(1.1)
        artist.update_project_last_accessed(PROJECT)
        second = visited(artist)
        assert second > first
        # Acting for somebody is their visit.
        time.sleep(1.1)
        site.script(sudo_as_login="artist").update_project_last_accessed(PROJECT)
        assert visited(artist) > second
        equal(visited(site.person("manager")), None)
