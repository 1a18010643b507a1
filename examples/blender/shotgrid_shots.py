"""An add-on for Blender: lists the shots of a project, and publishes a version of one with a thumbnail that Blender renders.

Put it beside ../python/shotgrid.py (or that file on Python's path), name the shared library in the environment variable
SHOTGRID_LIBRARY, and install it as any add-on. It lives in the sidebar of the 3D view, under "ShotGrid".

Nothing here makes Blender stand still: calls are submitted, and a timer asks whether their answers are there.
"""

import os
import shutil
import tempfile

import bpy

import shotgrid

bl_info = {
    "name": "ShotGrid shots",
    "blender": (3, 0, 0),
    "category": "Pipeline",
    "location": "View3D > Sidebar > ShotGrid",
    "description": "Lists shots and publishes versions",
}

ASK_EVERY_S = 0.05


class Session:
    """The signed-in client, and what is under way. One for all windows."""

    def __init__(self):
        self.client = None
        self.queue = None
        self.under_way = 0

    def submit(self, method, *arguments, then):
        """Begins a call. `then(answer)` runs on Blender's main thread; a failure is shown instead."""

        def done(answer, error):
            self.under_way -= 1
            if error is None:
                then(answer)
            else:
                state().message = explained(error)

        self.queue.submit(self.client, method, arguments, {}, done)
        self.under_way += 1
        if not bpy.app.timers.is_registered(ask):
            bpy.app.timers.register(ask)

    def close(self):
        for handle in (self.queue, self.client):
            if handle is not None:
                handle.close()
        self.client = self.queue = None


session = Session()


def ask():
    """Blender's timer: takes the answers that are there."""
    if session.queue is None:
        return None
    session.queue.dispatch()
    return ASK_EVERY_S if session.under_way else None


def explained(error):
    if isinstance(error, shotgrid.PermissionRefused):
        where = ".".join(part for part in (error.entity_type, error.field) if part)
        return "Your role %s may not %s %s" % (error.role or "", error.operation or "do this to", where)
    return "%s: %s" % (error.name, error)


class Shot(bpy.types.PropertyGroup):
    shot_id: bpy.props.IntProperty()
    status: bpy.props.StringProperty()


class State(bpy.types.PropertyGroup):
    site_url: bpy.props.StringProperty(name="Site", options={"SKIP_SAVE"})
    login: bpy.props.StringProperty(name="Login", options={"SKIP_SAVE"})
    password: bpy.props.StringProperty(name="Password", subtype="PASSWORD", options={"SKIP_SAVE"})
    project_id: bpy.props.IntProperty()
    shots: bpy.props.CollectionProperty(type=Shot)
    chosen: bpy.props.IntProperty()
    message: bpy.props.StringProperty(options={"SKIP_SAVE"})


def state():
    return bpy.context.window_manager.shotgrid


class SHOTGRID_OT_sign_in(bpy.types.Operator):
    """Sign in and list the shots of the first project"""

    bl_idname = "shotgrid.sign_in"
    bl_label = "Sign In"

    def execute(self, context):
        here = state()
        try:
            session.close()
            session.client = shotgrid.Client.connect_user(here.site_url, here.login, here.password)
            session.queue = shotgrid.Queue()
        except shotgrid.Error as error:
            self.report({"ERROR"}, explained(error))
            return {"CANCELLED"}
        finally:
            here.password = ""
        session.submit("find_one", "Project", [], ["name"], then=self.list_shots)
        return {"FINISHED"}

    @staticmethod
    def list_shots(project):
        state().project_id = project["id"]
        session.submit("find", "Shot", [["project", "is", project]], ["code", "sg_status_list"], then=shown)


def shown(shots):
    here = state()
    here.shots.clear()
    for shot in shots:
        item = here.shots.add()
        item.name, item.shot_id, item.status = shot["code"], shot["id"], shot["sg_status_list"] or ""
    here.message = "%d shots" % len(shots)


class SHOTGRID_OT_publish(bpy.types.Operator):
    """Render the current frame and publish it as a version of the chosen shot"""

    bl_idname = "shotgrid.publish"
    bl_label = "Publish Version"

    @classmethod
    def poll(cls, context):
        return session.client is not None and 0 <= state().chosen < len(state().shots)

    def execute(self, context):
        here = state()
        shot = here.shots[here.chosen]
        picture = self.rendered(context.scene)
        version = {
            "project": {"type": "Project", "id": here.project_id},
            "entity": {"type": "Shot", "id": shot.shot_id},
            "code": "%s_blender" % shot.name,
            "description": "Frame %d of %s" % (context.scene.frame_current, bpy.data.filepath or "an unsaved scene"),
        }

        def attached(_):
            shutil.rmtree(os.path.dirname(picture))
            here.message = "Published %s" % version["code"]

        def made(row):
            session.submit("upload_thumbnail", "Version", row["id"], picture, then=attached)

        session.submit("create", "Version", version, then=made)
        return {"FINISHED"}

    @staticmethod
    def rendered(scene):
        """A small PNG of the current frame; the scene's own settings stay as they are."""
        render = scene.render
        kept = (render.resolution_x, render.resolution_y, render.resolution_percentage, render.filepath)
        kept_format = render.image_settings.file_format
        picture = os.path.join(tempfile.mkdtemp(prefix="shotgrid-"), "thumbnail.png")
        try:
            render.resolution_x, render.resolution_y, render.resolution_percentage = 320, 180, 100
            render.filepath, render.image_settings.file_format = picture, "PNG"
            bpy.ops.render.render(write_still=True)
        finally:
            render.resolution_x, render.resolution_y, render.resolution_percentage, render.filepath = kept
            render.image_settings.file_format = kept_format
        return picture


class SHOTGRID_UL_shots(bpy.types.UIList):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property):
        row = layout.row()
        row.label(text=item.name)
        row.label(text=item.status)


class SHOTGRID_PT_panel(bpy.types.Panel):
    bl_label = "ShotGrid"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "ShotGrid"

    def draw(self, context):
        here = state()
        for name in ("site_url", "login", "password"):
            self.layout.prop(here, name)
        self.layout.operator("shotgrid.sign_in")
        self.layout.template_list("SHOTGRID_UL_shots", "", here, "shots", here, "chosen")
        self.layout.operator("shotgrid.publish")
        self.layout.label(text=here.message)


CLASSES = (Shot, State, SHOTGRID_OT_sign_in, SHOTGRID_OT_publish, SHOTGRID_UL_shots, SHOTGRID_PT_panel)


def register():
    for one in CLASSES:
        bpy.utils.register_class(one)
    bpy.types.WindowManager.shotgrid = bpy.props.PointerProperty(type=State)


def unregister():
    if bpy.app.timers.is_registered(ask):
        bpy.app.timers.unregister(ask)
    session.close()
    # The library's threads end before Blender takes Python down.
    shotgrid.shutdown()
    del bpy.types.WindowManager.shotgrid
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
