/**
 * @file shotgrid/shotgrid.hpp
 * @brief libshotgrid for C++17 and later: a header-only wrapper over the C ABI of shotgrid.h, and nothing else.
 *
 * @code{.cpp}
 * #include <shotgrid/shotgrid.hpp>
 * #include <iostream>
 *
 * int main() {
 *   sg::result<sg::client> client = sg::client::connect_script("https://studio.shotgrid.autodesk.com", "my_tool", "the key");
 *   if (!client) {
 *     std::cerr << client.error().name() << ": " << client.error().message() << "\n";
 *     return 1;
 *   }
 *   auto shots = client->find("Shot", sg::field("project").is(sg::link("Project", 70)) && sg::field("sg_status_list").is_not("omt"),
 *                             {"code", "sg_sequence"});
 *   if (!shots) {
 *     std::cerr << shots.error().name() << ": " << shots.error().message() << "\n";
 *     return 1;
 *   }
 *   for (sg::value shot : *shots) {
 *     std::cout << shot["code"].value_or("(no code)") << "  " << shot["sg_sequence"]["name"].value_or("") << "\n";
 *   }
 * }
 * @endcode
 *
 * # What is where
 *
 * | header | what |
 * | --- | --- |
 * | client.hpp | sg::client: connect, every method by its name, async(), with(), pages() |
 * | methods.hpp, arguments.hpp | the methods, and what they take |
 * | filter.hpp | sg::field and what is made of it |
 * | schema_field.hpp | sg::where() and the typed fields that shotgrid-codegen writes |
 * | json.hpp, types.hpp | sg::object, sg::array, sg::json, sg::link, sg::date |
 * | value.hpp, read.hpp | sg::document, sg::value, and how they become C++ types |
 * | result.hpp, error.hpp | sg::result, sg::error, sg::exception |
 * | events.hpp | sg::events, the event log as it grows |
 * | sign_in.hpp, secret.hpp | sg::sign_in by the person's browser, and a session's token |
 * | op.hpp, coroutine.hpp | sg::op, sg::queue, co_await |
 * | options.hpp, log.hpp | sg::options, sg::limits, sg::set_log() |
 *
 * # Ownership
 *
 * Handles (client, document, op, queue, pages, options) are moved, never copied; `capi()` lends the C object, `release()` gives it away.
 * What borrows (sg::value, texts) is not handed out by temporaries: that does not compile.
 *
 * # Errors
 *
 * Everything that can fail gives an sg::result. `value()` and `*` throw sg::exception where there is no value; without
 * exceptions (-fno-exceptions) they end the program, so ask first. Neither exceptions nor RTTI are needed. Statuses are those
 * of shotgrid.h. Memory that runs out is std::bad_alloc's matter, as in the standard library.
 *
 * # Threads and callbacks
 *
 * As in shotgrid.h: share clients and documents freely; everything else is for one thread at a time. Callbacks run where they were
 * asked for: in sg::queue::dispatch(), or on the library's own thread. No exception gets through the library: see
 * sg::queue::on_exception() and sg::op::then().
 */
#ifndef SHOTGRID_SHOTGRID_HPP
#define SHOTGRID_SHOTGRID_HPP

#include "arguments.hpp"
#include "client.hpp"
#include "coroutine.hpp"
#include "error.hpp"
#include "events.hpp"
#include "filter.hpp"
#include "handle.hpp"
#include "json.hpp"
#include "log.hpp"
#include "methods.hpp"
#include "op.hpp"
#include "options.hpp"
#include "result.hpp"
#include "schema_field.hpp"
#include "secret.hpp"
#include "sign_in.hpp"
#include "types.hpp"
#include "value.hpp"

#endif  // SHOTGRID_SHOTGRID_HPP
