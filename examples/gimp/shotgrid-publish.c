/*
 * A plug-in for GIMP 2.10: publishes the image as a Version of a Shot, with the image as its thumbnail.
 *
 * File > Publish to ShotGrid, or from a script: (shotgrid-publish RUN-INTERACTIVE image drawable "SQ010_0010"). Who publishes is
 * taken from the environment: SHOTGRID_SITE, SHOTGRID_LOGIN, SHOTGRID_PASSWORD.
 *
 *   gcc shotgrid-publish.c -o shotgrid-publish $(pkg-config --cflags --libs gimp-2.0 shotgrid)
 *
 * GIMP runs each plug-in as a process of its own while it works, so this one may wait for the site.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>
#include <libgimp/gimp.h>

#include <shotgrid.h>

#define PROCEDURE "shotgrid-publish"

static void query(void)
{
    static const GimpParamDef arguments[] = {
        {GIMP_PDB_INT32, "run-mode", "How it is run"},
        {GIMP_PDB_IMAGE, "image", "The image to publish"},
        {GIMP_PDB_DRAWABLE, "drawable", "Not used: all of the image is published"},
        {GIMP_PDB_STRING, "shot", "The code of the shot"},
    };
    static const GimpParamDef values[] = {
        {GIMP_PDB_INT32, "version-id", "The id of the new Version"},
    };

    gimp_install_procedure(PROCEDURE, "Publish the image as a Version of a shot", "Signs in as $SHOTGRID_LOGIN at $SHOTGRID_SITE.",
                           "libshotgrid", "MIT OR Apache-2.0", "2026", "Publish to ShotGrid", "*", GIMP_PLUGIN, G_N_ELEMENTS(arguments),
                           G_N_ELEMENTS(values), arguments, values);
    gimp_plugin_menu_register(PROCEDURE, "<Image>/File");
}

/* A text as JSON. To be freed with g_free(). */
static char *quoted(const char *text)
{
    size_t length = sg_json_quote(text, NULL, 0);
    char *json = g_malloc(length + 1);

    sg_json_quote(text, json, length + 1);
    return json;
}

/* Calls a method with parameters that are put together as by printf(); they are freed. */
static sg_status call(const sg_client *client, const char *method, char *parameters, sg_result **result)
{
    sg_status status = sg_call(client, method, parameters, result);

    g_free(parameters);
    return status;
}

static int64_t number(const sg_result *result, const char *pointer)
{
    int64_t found = 0;

    return sg_value_int64(sg_value_pointer(sg_result_value(result), pointer), &found) == SG_STATUS_OK ? found : 0;
}

/* Makes the Version of the shot and gives it the picture. */
static sg_status publish(const sg_client *client, const char *shot, const char *picture, int64_t *version)
{
    sg_result *found = NULL;
    sg_result *made = NULL;
    sg_result *thumbnail = NULL;
    char *code = quoted(shot);
    char *path = quoted(picture);
    sg_status status;

    status = call(client, "find_one", g_strdup_printf("[\"Shot\", [[\"code\", \"is\", %s]], [\"project\"]]", code), &found);
    if (status == SG_STATUS_OK && sg_value_is_null(sg_result_value(found)))
        status = SG_STATUS_NOT_FOUND;
    if (status == SG_STATUS_OK) {
        char *data = g_strdup_printf("[\"Version\", {\"code\": %s, \"entity\": {\"type\": \"Shot\", \"id\": %" PRId64 "},"
                                     " \"project\": {\"type\": \"Project\", \"id\": %" PRId64 "}, \"description\": \"From GIMP\"}]",
                                     code, number(found, "/id"), number(found, "/project/id"));

        status = call(client, "create", data, &made);
    }
    if (status == SG_STATUS_OK) {
        *version = number(made, "/id");
        status = call(client, "upload_thumbnail", g_strdup_printf("[\"Version\", %" PRId64 ", %s]", *version, path), &thumbnail);
    }
    sg_result_free(thumbnail);
    sg_result_free(made);
    sg_result_free(found);
    g_free(path);
    g_free(code);
    return status;
}

/* Writes all of the image as a PNG. */
static gboolean picture_of(gint32 image, const char *path)
{
    gint32 copy = gimp_image_duplicate(image);
    gint32 flat = gimp_image_flatten(copy);
    gboolean written = gimp_file_save(GIMP_RUN_NONINTERACTIVE, copy, flat, path, path);

    gimp_image_delete(copy);
    return written;
}

static void run(const gchar *name, gint count, const GimpParam *arguments, gint *value_count, GimpParam **values)
{
    static GimpParam answer[2];
    const char *shot = count >= 4 ? arguments[3].data.d_string : NULL;
    char *folder = g_dir_make_tmp("shotgrid-XXXXXX", NULL);
    char *picture = folder != NULL ? g_build_filename(folder, "picture.png", NULL) : NULL;
    sg_client *client = NULL;
    int64_t version = 0;
    sg_status status = picture != NULL && shot != NULL ? SG_STATUS_OK : SG_STATUS_IO;

    (void)name;
    if (status == SG_STATUS_OK)
        status = sg_connect_user(g_getenv("SHOTGRID_SITE"), g_getenv("SHOTGRID_LOGIN"), g_getenv("SHOTGRID_PASSWORD"), NULL, &client);
    if (status == SG_STATUS_OK)
        status = picture_of(arguments[1].data.d_image, picture) ? publish(client, shot, picture, &version) : SG_STATUS_IO;

    /* The message is read before anything else is called. "" where it is our own status. */
    if (status != SG_STATUS_OK) {
        char *message = g_strdup(sg_last_error());

        if (SG_STATUS_CLASS(status) == SG_STATUS_PERMISSION)
            g_message("You may not publish to %s: %s", shot, message);
        else
            g_message("%s is not published: %s %s", shot, sg_status_describe(status), message);
        g_free(message);
    }
    sg_client_free(client);
    sg_runtime_shutdown(5000);
    if (picture != NULL) {
        g_unlink(picture);
        g_rmdir(folder);
    }
    g_free(picture);
    g_free(folder);

    answer[0].type = GIMP_PDB_STATUS;
    answer[0].data.d_status = status == SG_STATUS_OK ? GIMP_PDB_SUCCESS : GIMP_PDB_EXECUTION_ERROR;
    answer[1].type = GIMP_PDB_INT32;
    answer[1].data.d_int32 = (gint32)version;
    *value_count = status == SG_STATUS_OK ? 2 : 1;
    *values = answer;
}

const GimpPlugInInfo PLUG_IN_INFO = {NULL, NULL, query, run};

MAIN()
