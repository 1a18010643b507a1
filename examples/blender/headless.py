"""Uses the add-on as a person would, in a Blender without a window. It prints what the add-on shows.

    blender --background --factory-startup --python headless.py -- <site-url> <login> <password>
"""

import os
import sys
import time

import bpy

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, os.pardir, "python")]

import shotgrid_shots as addon  # noqa: E402


def wait():
    """Without a window Blender runs no timers: this is its loop. A minute at most."""
    for _ in range(1200):
        if addon.ask() is None:
            return
        time.sleep(addon.ASK_EVERY_S)
    raise SystemExit("the site did not answer within a minute")


def main(site_url, login, password):
    scene = bpy.context.scene
    # The engine that needs no graphics card.
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    addon.register()
    state = addon.state()
    state.site_url, state.login, state.password = site_url, login, password
    assert bpy.ops.shotgrid.sign_in() == {"FINISHED"}
    wait()
    print("addon:", state.message, "-", ", ".join(shot.name for shot in state.shots[:3]), flush=True)
    assert state.password == "" and bpy.ops.shotgrid.publish.poll()
    assert bpy.ops.shotgrid.publish() == {"FINISHED"}
    wait()
    print("addon:", state.message, flush=True)
    version = addon.session.client.find_one("Version", [["code", "is", state.shots[0].name + "_blender"]], ["image", "entity"])
    print("addon: the site has it, with a thumbnail:", version["entity"]["name"], bool(version["image"]), flush=True)
    addon.unregister()
    print("addon: unloaded", flush=True)


try:
    main(*sys.argv[sys.argv.index("--") + 1 :][:3])
except BaseException as error:
    # Blender goes on to the end, and with success, whatever a script raises.
    print("addon: FAILED", type(error).__name__, error, flush=True)
    os._exit(1)
