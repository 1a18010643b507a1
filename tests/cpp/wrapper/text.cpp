// What goes out: JSON that cannot be broken, filters that mean what they say.
#include "check.hpp"

#include <clocale>
#include <cmath>
#include <limits>
#include <memory>

namespace {

std::string text(const sg::json &value) { return value.text(); }
std::string text(const sg::filter &filters) { return filters.conditions().text(); }

void scalars() {
  EQUAL(text(nullptr), "null");
  EQUAL(text(true), "true");
  EQUAL(text(0), "0");
  EQUAL(text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EQUAL(text(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EQUAL(text("x"), "\"x\"");
  EQUAL(text(std::string("x")), "\"x\"");
  EQUAL(text(std::string_view("xyz").substr(0, 1)), "\"x\"");
  EQUAL(text(static_cast<const char *>(nullptr)), "null");
  EQUAL(text(std::optional<int>()), "null");
  EQUAL(text(std::optional<int>(3)), "3");
  EQUAL(text(std::vector<int>{1, 2}), "[1,2]");
  EQUAL(text(std::vector<std::vector<std::string>>{{"a"}, {}}), "[[\"a\"],[]]");
  EQUAL(text(sg::link("Shot", 862, "its name")), R"({"type":"Shot","id":862})");
  EQUAL(text(sg::date(2026, 12, 31)), "\"2026-12-31\"");
}

void numbers() {
  EQUAL(text(0.1), "0.1");
  EQUAL(text(24.0), "24.0");
  EQUAL(text(-0.0), "-0.0");
  EQUAL(text(23.976), "23.976");
  EQUAL(text(1e300), "1e+300");
  EQUAL(text(1.0 / 3), "0.3333333333333333");
  for (const double number : {5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 123456789012345680.0, -1e-7}) {
    EQUAL(std::strtod(text(number).c_str(), nullptr), number);
    CHECK(sg::json::parse(text(number)).has_value());
  }
  for (const double number : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), std::nan("")}) {
    EQUAL(text(number), "null");
    HAS(sg::json(number).problem(), "not a finite number");
  }
  // A host's locale writes decimals with a comma.
  if (std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr || std::setlocale(LC_ALL, "de_DE.utf8") != nullptr) {
    EQUAL(text(0.5), "0.5");
    EQUAL(text(1234567.25), "1234567.25");
    std::setlocale(LC_ALL, "C");
  }
}

void escapes() {
  EQUAL(text("\"\\\b\f\n\r\t\x7f/"), R"("\"\\\u0008\u000c\u000a\u000d\u0009\u007f/")");
  EQUAL(text(std::string("a\0b", 3)), R"("a\u0000b")");
  EQUAL(text("K\xc3\xa4se \xe2\x82\xac \xf0\x9f\x90\x87"), "\"K\xc3\xa4se \xe2\x82\xac \xf0\x9f\x90\x87\"");
  for (const char *broken : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\x80", "\xf0\x80\x80\x80", "\xe0\x80\x80"}) {
    HAS(sg::json(broken).problem(), "is not UTF-8");
    EQUAL(text(broken), "null");
  }
}

void composed() {
  EQUAL(text(sg::object()), "{}");
  EQUAL(text(sg::array()), "[]");
  EQUAL(text(sg::array{1, "two", nullptr, sg::object{{"a", true}}}), R"([1,"two",null,{"a":true}])");
  EQUAL(text(sg::object{{"code", "x"}, {"list", sg::array{1}}, {"\"", 1}}), R"({"code":"x","list":[1],"\"":1})");
  sg::object made;
  made.set("a", 1).set("b", std::vector<std::string>{"c"});
  EQUAL(text(made), R"({"a":1,"b":["c"]})");
  EQUAL(made.size(), std::size_t{2});
  EQUAL(text(sg::object().set("a", 1).set("b", 2)), R"({"a":1,"b":2})");

  // Problems are told with their place, and make no broken JSON.
  const sg::object bad{{"data", sg::object{{"fps", std::nan("")}, {"list", sg::array{1, "\xff"}}}}};
  EQUAL(bad.problem(), ".data.fps is not a finite number, and JSON has no other");
  EQUAL(text(bad), "null");
  EQUAL((sg::object{{"data", sg::array{1, sg::date(2026, 2, 30)}}}).problem(), ".data[1] is no day of the calendar: 2026-02-30");
  EQUAL((sg::object{{"a", 1}, {"a", 2}}).problem(), ".a is set twice");
  HAS((sg::object{{"\xff", 1}}).problem(), "has a key that is not UTF-8");
}

void parsed() {
  for (const char *good : {"null", " [1, -0.5e+3, {\"a\" : [] , \"b\":{}}] ", "\"\\u00e4\\n\"", "0", "[[[[]]]]", "{\"a\":{\"b\":[true,false]}}"}) {
    OK(sg::json::parse(good));
  }
  for (const char *bad : {"", "nul", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "-", "1e", "\"\\x\"", "\"\\u12g4\"", "\"a", "[", "]",
                          "{}}", "1], \"x\": [2", "\"\n\"", "NaN", "\"\xff\"", "{\"a\":1 \"b\":2}", "[1]x"}) {
    FAILS(sg::json::parse(bad), SG_STATUS_INVALID_ARGUMENT, "is no JSON");
  }
  // Deep is no danger.
  EQUAL(sg::json::parse(std::string(200000, '[') + std::string(200000, ']')).has_value(), true);
  EQUAL(text(sg::array{*sg::json::parse("{\"a\": 1}")}), "[{\"a\": 1}]");
}

void times() {
  using namespace std::chrono;
  const auto at = [](std::int64_t s) { return time_point<system_clock, seconds>(seconds(s)); };
  EQUAL(text(at(0)), "\"1970-01-01T00:00:00Z\"");
  EQUAL(text(at(951782399)), "\"2000-02-28T23:59:59Z\"");
  EQUAL(text(at(951782400)), "\"2000-02-29T00:00:00Z\"");
  EQUAL(text(at(951868800)), "\"2000-03-01T00:00:00Z\"");
  EQUAL(text(at(-1)), "\"1969-12-31T23:59:59Z\"");
  EQUAL(text(at(-62135596800)), "\"0001-01-01T00:00:00Z\"");
  EQUAL(text(at(253402300799)), "\"9999-12-31T23:59:59Z\"");
  EQUAL(text(time_point<system_clock, milliseconds>(milliseconds(-1))), "\"1969-12-31T23:59:59Z\"");
  HAS(sg::json(at(253402300800)).problem(), "outside of the years");
  CHECK(sg::date(2024, 2, 29).exists() && !sg::date(2026, 2, 29).exists() && !sg::date(1900, 2, 29).exists() && sg::date(2000, 2, 29).exists());
  CHECK(sg::date::parse("2026-12-31") == sg::date(2026, 12, 31));
  for (const char *bad : {"", "2026-13-01", "2026-00-01", "2026-1-01", "2026-12-32", "2026/12/31", "2026-12-31T", "20a6-12-31", "0000-01-01"}) {
    CHECK(!sg::date::parse(bad));
  }
}

void relations() {
  using sg::field;
  const auto one = [](const sg::filter &condition) { return text(condition); };
  EQUAL(one({}), "[]");
  EQUAL(one(field("code").is("x")), R"([["code","is","x"]])");
  EQUAL(one(field("code").is_not(std::string("x"))), R"([["code","is_not","x"]])");
  EQUAL(one(field("n").is(nullptr)), R"([["n","is",null]])");
  EQUAL(one(field("n").is_empty()), R"([["n","is",null]])");
  EQUAL(one(field("n").is_not_empty()), R"([["n","is_not",null]])");
  EQUAL(one(field("project").is(sg::link("Project", 70))), R"([["project","is",{"type":"Project","id":70}]])");
  EQUAL(one(field("s").in({"ip", "rev"})), R"([["s","in",["ip","rev"]]])");
  EQUAL(one(field("id").in(std::vector<std::int64_t>{1, 2})), R"([["id","in",[1,2]]])");
  EQUAL(one(field("id").in(std::vector<std::int64_t>{})), R"([["id","in",[]]])");
  EQUAL(one(field("e").not_in({sg::link("A", 1)})), R"([["e","not_in",[{"type":"A","id":1}]]])");
  EQUAL(one(sg::text_field("c").contains("x")), R"([["c","contains","x"]])");
  EQUAL(one(sg::text_field("c").starts_with("x")), R"([["c","starts_with","x"]])");
  EQUAL(one(sg::text_field("c").ends_with("x")), R"([["c","ends_with","x"]])");
  EQUAL(one(sg::number_field("n").less_than(3)), R"([["n","less_than",3]])");
  EQUAL(one(sg::number_field("n").greater_than(2.5)), R"([["n","greater_than",2.5]])");
  EQUAL(one(sg::number_field("n").between(1, 2.5)), R"([["n","between",[1,2.5]]])");
  EQUAL(one(sg::date_field("d").not_between(sg::date(2026, 1, 1), sg::date(2026, 1, 2))), R"([["d","not_between",["2026-01-01","2026-01-02"]]])");
  EQUAL(one(sg::date_field("d").less_than(std::chrono::system_clock::time_point())), R"([["d","less_than","1970-01-01T00:00:00Z"]])");
  EQUAL(one(sg::date_field("d").in_last(2, sg::unit::week)), R"([["d","in_last",[2,"WEEK"]]])");
  EQUAL(one(sg::date_field("d").not_in_next(1, sg::unit::year)), R"([["d","not_in_next",[1,"YEAR"]]])");
  EQUAL(one(sg::date_field("d").in_calendar_month(-1)), R"([["d","in_calendar_month",-1]])");
  EQUAL(one(sg::link_field("e").type_is("Asset")), R"([["e","type_is","Asset"]])");
  EQUAL(one(sg::link_field("e").name_contains("x")), R"([["e","name_contains","x"]])");
  EQUAL(one(sg::link_field("es").contains(sg::link("A", 1))), R"([["es","contains",{"type":"A","id":1}]])");
  EQUAL(one(sg::link_field("tags").name_id(4)), R"([["tags","name_id",4]])");
  EQUAL(one(sg::list_field("s").is("ip")), R"([["s","is","ip"]])");
  EQUAL(one(sg::checkbox_field("b").is(true)), R"([["b","is",true]])");
  EQUAL(field("code").via("sg_sequence", "Sequence").path(), "sg_sequence.Sequence.code");
  EQUAL(field("name").via("project", "Project").via("entity", "Shot").path(), "entity.Shot.project.Project.name");
  EQUAL(field("sg_sequence.Sequence.code").path(), "sg_sequence.Sequence.code");
}

void groups() {
  const auto a = sg::field("a").is(1), b = sg::field("b").is(2), c = sg::field("c").is(3);
  const sg::filter s = sg::field("s").starts_with("x");
  const std::string ta = R"(["a","is",1])", tb = R"(["b","is",2])", tc = R"(["c","is",3])", ts = R"(["s","starts_with","x"])";
  const auto group = [](const std::string &how, const std::string &parts) {
    return "{\"filter_operator\":\"" + how + "\",\"filters\":[" + parts + "]}";
  };
  EQUAL(text(a && b && c), "[" + ta + "," + tb + "," + tc + "]");
  EQUAL(text(a || b), "[" + group("any", ta + "," + tb) + "]");
  EQUAL(text((a && b) || c), "[" + group("any", group("all", ta + "," + tb) + "," + tc) + "]");
  EQUAL(text(a && (b || c)), "[" + ta + "," + group("any", tb + "," + tc) + "]");
  EQUAL(text((a || b) || c), "[" + group("any", ta + "," + tb + "," + tc) + "]");
  EQUAL(text((a || s) && b), "[" + group("any", ta + "," + ts) + "," + tb + "]");
  // A denial reaches each condition, and turns "and" into "or".
  EQUAL(text(!a), R"([["a","is_not",1]])");
  EQUAL(text(!!a), "[" + ta + "]");
  EQUAL(text(!(a && b)), "[" + group("any", R"(["a","is_not",1],["b","is_not",2])") + "]");
  EQUAL(text(!(a && (b || c))), "[" + group("any", R"(["a","is_not",1],)" + group("all", R"(["b","is_not",2],["c","is_not",3])")) + "]");
  EQUAL(text(!sg::field("x").in({1}) && !sg::field("y").in_last(1, sg::unit::day)), R"([["x","not_in",[1]],["y","not_in_last",[1,"DAY"]]])");
  // A loop begins with nothing.
  sg::filter any;
  for (const char *code : {"x", "y"}) {
    any = any || sg::field("code").is(code);
  }
  EQUAL(text(any), "[" + group("any", R"(["code","is","x"],["code","is","y"])") + "]");
  CHECK(sg::filter().empty() && !any.empty());
  EQUAL(text(sg::filter() && a), "[" + ta + "]");
  EQUAL(text(sg::filter::written(sg::array().add(sg::array{"a", "is", 1})) && b), "[" + group("all", ta) + "," + tb + "]");
  EQUAL(text(sg::filter::written(sg::array().add(sg::array{"a", "is", 1}))), "[" + ta + "]");
  HAS((a && sg::field("fps").is(std::nan(""))).conditions().problem(), "[1] on fps: the value is not a finite number");
}

// At the top, "any" is the call's own operator, as one writes it by hand.
void top() {
  sg::object parameters;
  sg::set_filters(parameters, sg::field("a").is(1) || sg::field("b").is(2));
  EQUAL(parameters.text(), R"({"filters":[["a","is",1],["b","is",2]],"filter_operator":"any"})");
  sg::object all;
  sg::set_filters(all, sg::field("a").is(1));
  EQUAL(all.text(), R"({"filters":[["a","is",1]]})");
}

// What must not convert: it would become true, or a number.
static_assert(!std::is_constructible_v<sg::json, char> && !std::is_constructible_v<sg::json, void *> && !std::is_constructible_v<sg::json, const int *>);
static_assert(!std::is_constructible_v<sg::json, std::unique_ptr<int>> && !std::is_constructible_v<sg::json, wchar_t>);
static_assert(!std::is_convertible_v<sg::filter, bool> && !std::is_constructible_v<bool, sg::filter>);

}  // namespace

void test_text() {
  scalars();
  numbers();
  escapes();
  composed();
  parsed();
  times();
  relations();
  groups();
  top();
}
