// Fields as shotgrid-codegen writes them: in filters, in lists of fields, read and written.
#include "check.hpp"

namespace {

struct Shot {
  static constexpr const char *entity_type = "Shot";
  static constexpr sg::schema_field<sg::fields::text, std::string> code{"code"};
  static constexpr sg::schema_field<sg::fields::number, std::int64_t> sg_cut_in{"sg_cut_in"};
  static constexpr sg::schema_field<sg::fields::choice, std::string> sg_status_list{"sg_status_list"};
  static constexpr sg::schema_field<sg::fields::link, sg::link> sg_sequence{"sg_sequence"};
  static constexpr sg::schema_field<sg::fields::link, std::vector<sg::link>> assets{"assets"};
  static constexpr sg::schema_field<sg::fields::date, sg::moment> created_at{"created_at"};
  static constexpr sg::schema_field<sg::fields::any, sg::value> filmstrip_image{"filmstrip_image"};
  // The schema says otherwise.
  static constexpr sg::schema_field<sg::fields::number, std::int64_t> code_as_number{"code"};
};

void typed(const sg::client &client) {
  const auto filter = sg::where(Shot::code).starts_with("SQ010") && sg::where(Shot::sg_sequence).is_not_empty();
  EQUAL(filter.conditions().text(), R"([["code","starts_with","SQ010"],["sg_sequence","is_not",null]])");
  auto found = client.find(Shot::entity_type, filter, {Shot::code, Shot::sg_sequence, Shot::assets, Shot::created_at, Shot::sg_cut_in});
  REQUIRE(OK(found));
  REQUIRE(CHECK(!found->empty()));
  const sg::document &shots = *found;
  const sg::value shot = shots[0];
  EQUAL(Shot::code.of(shot).value_or("-").substr(0, 5), "SQ010");
  EQUAL(shot[Shot::code].value_or(""), Shot::code.of(shot).value_or("-"));
  CHECK(Shot::sg_sequence.of(shot).value_or(sg::link()).type == "Sequence");
  CHECK(Shot::created_at.of(shot).has_value());
  // Not asked for.
  CHECK(!Shot::sg_status_list.of(shot));
  CHECK(OK(Shot::sg_status_list.read(shot)));
  // Of another type than the constants say: nothing, and an error for who wants to know.
  CHECK(!Shot::code_as_number.of(shot));
  FAILS(Shot::code_as_number.read(shot), SG_STATUS_INVALID_ARGUMENT, "code: expected a whole number");

  const std::int64_t id = shot["id"].as<std::int64_t>().value();
  const auto before = Shot::sg_cut_in.of(shot);
  auto changed = client.update(Shot::entity_type, id, {Shot::sg_cut_in.to(1234), Shot::assets.to(std::vector<sg::link>{})});
  REQUIRE(OK(changed));
  EQUAL(Shot::sg_cut_in.of(changed->root()).value_or(0), 1234);
  auto restored = client.update(Shot::entity_type, id, {before ? Shot::sg_cut_in.to(*before) : Shot::sg_cut_in.to(nullptr)});
  CHECK(OK(restored));
  static_assert(Shot::code.name()[0] == 'c');
}

}  // namespace

void test_schema_fields() { typed(script_client()); }
