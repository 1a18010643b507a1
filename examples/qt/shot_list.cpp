// libshotgrid in a Qt application: a list of shots that fills page by page while the window stays alive.
//
// The queue's descriptor wakes Qt's event loop, and callbacks run on the thread of the window, where widgets may be touched. Nothing here
// knows of threads.
//
//     shot_list <site-url> <script-name> <api-key> [--quit]
//
// With --quit it closes when the list is full, and tells how it went: for tests, on a machine without a screen too
// (QT_QPA_PLATFORM=offscreen).
#include <QApplication>
#include <QElapsedTimer>
#include <QLabel>
#include <QListWidget>
#include <QMainWindow>
#include <QSocketNotifier>
#include <QStatusBar>
#include <QTimer>

#include <algorithm>
#include <cstdio>

#include <shotgrid.h>

class ShotList : public QMainWindow {
public:
    ShotList(const char *url, const char *script, const char *key, bool quits) : quits_(quits)
    {
        setWindowTitle("Shots");
        setCentralWidget(list_ = new QListWidget(this));
        statusBar()->addWidget(state_ = new QLabel("Signing in…", this));
        sg_queue_new(&queue_);
        auto *due = new QSocketNotifier(sg_queue_fd(queue_), QSocketNotifier::Read, this);
        connect(due, &QSocketNotifier::activated, this, [this] { sg_queue_dispatch(queue_, 0, 0, nullptr); });

        if (sg_submit_connect_script(url, script, key, nullptr, &op_) != SG_STATUS_OK || !expect<&ShotList::signed_in>())
            tell(sg_last_error(), 1);

        // A window that is alive turns its wheel.
        clock_.start();
        auto *beat = new QTimer(this);
        connect(beat, &QTimer::timeout, this, [this] {
            longest_ = std::max(longest_, clock_.restart());
            ++beats_;
        });
        beat->start(5);
    }

    ~ShotList() override
    {
        // Whatever is still under way is let go of: after this no callback can reach the window.
        sg_queue_free(queue_);
        sg_op_free(op_);
        sg_pages_free(pages_);
        sg_client_free(client_);
    }

private:
    // Has a member called on this thread when the operation is done, which ends there.
    template <void (ShotList::*Member)(sg_op *)>
    bool expect()
    {
        const auto call = [](sg_op *done, void *data) {
            auto *window = static_cast<ShotList *>(data);
            window->op_ = nullptr;
            (window->*Member)(done);
        };
        return sg_queue_on_done(queue_, op_, call, this, nullptr) == SG_STATUS_OK;
    }

    void signed_in(sg_op *op)
    {
        if (sg_op_take_client(op, &client_) != SG_STATUS_OK
            || sg_pages_open(client_, R"({"entity_type": "Shot", "filters": [], "fields": ["code", "sg_status_list"]})", &pages_)
                   != SG_STATUS_OK)
            tell(sg_last_error(), 1);
        else
            ask();
        sg_op_free(op);
    }

    void ask()
    {
        if (sg_pages_submit_next(pages_, &op_) != SG_STATUS_OK || !expect<&ShotList::page>())
            tell(sg_last_error(), 1);
    }

    void page(sg_op *op)
    {
        sg_result *rows = nullptr;
        const sg_status status = sg_op_take_result(op, &rows);
        sg_op_free(op);
        if (status != SG_STATUS_OK)
            return tell(sg_last_error(), 1);
        if (rows == nullptr)
            return tell(QString("%1 shots").arg(list_->count()), 0);
        for (auto *shot = sg_value_first(sg_result_value(rows)); shot != nullptr; shot = sg_value_next(shot)) {
            const char *code = sg_value_string(sg_value_get(shot, "code"), nullptr);
            const char *state = sg_value_string(sg_value_get(shot, "sg_status_list"), nullptr);
            list_->addItem(QString("%1   %2").arg(QString::fromUtf8(code), QString::fromUtf8(state)));
        }
        sg_result_free(rows);
        state_->setText(QString("%1 shots so far…").arg(list_->count()));
        ask();
    }

    void tell(const QString &text, int code)
    {
        state_->setText(text);
        if (!quits_)
            return;
        std::printf("%s\n%ld beats, the longest pause between two %ld ms\n", text.toUtf8().constData(), beats_,
                    static_cast<long>(longest_));
        QTimer::singleShot(0, this, [code] { QApplication::exit(code); });
    }

    QListWidget *list_ = nullptr;
    QLabel *state_ = nullptr;
    sg_queue *queue_ = nullptr;
    sg_client *client_ = nullptr;
    sg_op *op_ = nullptr; // what is under way
    sg_pages *pages_ = nullptr;
    QElapsedTimer clock_;
    qint64 longest_ = 0;
    long beats_ = 0;
    bool quits_;
};

int main(int count, char **arguments)
{
    QApplication application(count, arguments);
    if (count < 4) {
        std::fprintf(stderr, "usage: %s <site-url> <script-name> <api-key> [--quit]\n", arguments[0]);
        return 2;
    }
    int code;
    {
        ShotList window(arguments[1], arguments[2], arguments[3], count > 4);
        window.resize(360, 480);
        window.show();
        code = QApplication::exec();
    }
    sg_runtime_shutdown(2000);
    return code;
}
