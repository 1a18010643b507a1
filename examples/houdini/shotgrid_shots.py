"""For a shelf tool or a panel of Houdini: lists the shots that are in progress, while Houdini stays alive.

NOT RUN in this project's tests, which have no Houdini: its functions are those of Houdini's public documentation. Put it, with ../python/shotgrid.py
beside it, on HOUDINI_PATH/python3.xlibs, and let the tool say: import shotgrid_shots; shotgrid_shots.show(). Who signs in is taken from the environment:
SHOTGRID_SITE, SHOTGRID_LOGIN, SHOTGRID_PASSWORD.
"""

import os

import hou

import shotgrid

_client = None
_queue = None
_under_way = 0


def show():
    global _client, _queue
    try:
        if _client is None:
            _client = shotgrid.Client.connect_user(*(os.environ["SHOTGRID_" + name] for name in ("SITE", "LOGIN", "PASSWORD")))
            _queue = shotgrid.Queue()
    except shotgrid.Error as error:
        return hou.ui.displayMessage(str(error), severity=hou.severityType.Error)
    _submit("find", ("Shot", [["sg_status_list", "is", "ip"]], ["code"]), _list)


def _submit(method, arguments, then):
    global _under_way

    def done(answer, error):
        global _under_way
        _under_way -= 1
        if error is None:
            then(answer)
        else:
            hou.ui.displayMessage(str(error), severity=hou.severityType.Error)

    _queue.submit(_client, method, arguments, {}, done)
    _under_way += 1
    if _dispatch not in hou.ui.eventLoopCallbacks():
        hou.ui.addEventLoopCallback(_dispatch)


def _dispatch():
    """Houdini calls it whenever it is idle; it never waits."""
    _queue.dispatch()
    if _under_way == 0:
        hou.ui.removeEventLoopCallback(_dispatch)


def _list(shots):
    hou.ui.selectFromList([shot["code"] for shot in shots], title="Shots in progress")
