//! The generated headers.

use crate::names::{Scope, comment, literal};
use crate::schema::{Entity, Field, Schema};

/// More values than this are counted instead of listed.
const MOST_LISTED: usize = 40;

/// What is not in the schema.
pub struct Form<'a> {
    /// The C++ namespace (`studio`, `studio::site`), and in capitals the prefix of C.
    pub namespace: &'a str,
    /// Where the schema came from, for the first line.
    pub source: &'a str,
}

/// The C++ header: a struct for each entity type, a typed constant for each field.
pub fn cpp(schema: &Schema, form: &Form<'_>) -> String {
    let guard = format!("{}_HPP", prefix(form.namespace));
    let mut text = begin(form, &guard);
    text.push_str("#include <shotgrid/shotgrid.hpp>\n\n");
    text.push_str(&format!("namespace {} {{\n", form.namespace));
    let mut types = Scope::new(&[]);
    for (name, entity) in &schema.entities {
        let type_name = types.name(name);
        text.push('\n');
        text.push_str(&about_entity(name, entity, ""));
        text.push_str(&format!("struct {type_name} {{\n"));
        text.push_str(&format!("  static constexpr const char *entity_type = {};\n", literal(name)));
        // A member may not have the name of its class.
        let mut members = Scope::new(&[&type_name]);
        for (field_name, field) in &entity.fields {
            text.push('\n');
            text.push_str(&about_field(field, "  "));
            let (kind, value) = cpp_type(&field.data_type);
            text.push_str(&format!(
                "  static constexpr ::sg::schema_field<::sg::fields::{kind}, {value}> {}{{{}}};\n",
                members.name(field_name),
                literal(field_name)
            ));
        }
        text.push_str("};\n");
    }
    text.push_str(&format!("\n}}  // namespace {}\n\n#endif  // {guard}\n", form.namespace));
    text
}

/// The C header: a macro for each entity type and field.
pub fn c(schema: &Schema, form: &Form<'_>) -> String {
    let prefix = prefix(form.namespace);
    let guard = format!("{prefix}_H");
    let mut text = begin(form, &guard);
    let mut macros = Scope::new(&[&guard]);
    for (name, entity) in &schema.entities {
        let of_type = format!("{prefix}_{}", words(name));
        text.push_str(&about_entity(name, entity, ""));
        text.push_str(&format!("#define {} {}\n", macros.name(&of_type), literal(name)));
        for (field_name, field) in &entity.fields {
            text.push_str(&about_field(field, ""));
            let of_field = format!("{of_type}_{}", field_name.to_uppercase());
            text.push_str(&format!("#define {} {}\n", macros.name(&of_field), literal(field_name)));
        }
        text.push('\n');
    }
    text.push_str(&format!("#endif /* {guard} */\n"));
    text
}

fn begin(form: &Form<'_>, guard: &str) -> String {
    format!(
        "/* Written by shotgrid-codegen from the schema of {}. Do not edit: generate it anew. */\n#ifndef {guard}\n#define {guard}\n\n",
        comment(form.source)
    )
}

fn prefix(namespace: &str) -> String {
    namespace.replace("::", "_").to_uppercase()
}

/// `PublishedFile` as `PUBLISHED_FILE`.
fn words(name: &str) -> String {
    let mut upper = String::new();
    let mut before = None;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_some_and(|before: char| before.is_ascii_lowercase() || before.is_ascii_digit()) {
            upper.push('_');
        }
        upper.push(c.to_ascii_uppercase());
        before = Some(c);
    }
    upper
}

fn about_entity(name: &str, entity: &Entity, indent: &str) -> String {
    let shown = match entity.display_name == *name {
        true => comment(name),
        false => format!("{}: {name}", comment(&entity.display_name)),
    };
    format!("{indent}/** {shown}. */\n")
}

/// Display name, data type, what may be in it, what was written about it.
fn about_field(field: &Field, indent: &str) -> String {
    let mut parts = vec![format!("{} ({})", comment(&field.display_name), comment(&field.data_type))];
    if !field.valid_types.is_empty() {
        parts.push(format!("Links to {}", comment(&field.valid_types.join(", "))));
    }
    if field.valid_values.len() > MOST_LISTED {
        parts.push(format!("One of {} values", field.valid_values.len()));
    } else if !field.valid_values.is_empty() {
        let values = field.valid_values.iter().map(|(value, shown)| match shown {
            Some(shown) => format!("{} = {}", comment(value), comment(shown)),
            None => comment(value),
        });
        parts.push(format!("One of: {}", values.collect::<Vec<_>>().join("; ")));
    }
    if !field.editable {
        parts.push("Not editable".to_owned());
    }
    let mut text = format!("{indent}/** {}.", parts.join(". "));
    if !field.description.trim().is_empty() {
        text.push_str(&format!("\n{indent} *  {}", comment(&field.description)));
    }
    text.push_str(" */\n");
    text
}

/// The kind of a field's relations and the C++ type of its values.
fn cpp_type(data_type: &str) -> (&'static str, &'static str) {
    match data_type {
        "text" | "uuid" | "image" => ("text", "std::string"),
        "list" | "status_list" | "entity_type" | "system_task_type" => ("choice", "std::string"),
        "number" | "duration" | "timecode" | "percent" => ("number", "std::int64_t"),
        "float" | "currency" => ("number", "double"),
        "checkbox" => ("checkbox", "bool"),
        "date" => ("date", "::sg::date"),
        "date_time" => ("date", "::sg::moment"),
        "entity" => ("link", "::sg::link"),
        "multi_entity" | "addressing" => ("link", "std::vector<::sg::link>"),
        "footage" | "color" => ("any", "std::string"),
        "tag_list" => ("any", "std::vector<std::string>"),
        // Files, serialised objects, summaries and what sites may have more: as JSON says it.
        _ => ("any", "::sg::value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_become_words() {
        for (name, expected) in [
            ("PublishedFile", "PUBLISHED_FILE"),
            ("CustomEntity05", "CUSTOM_ENTITY05"),
            ("EventLogEntry", "EVENT_LOG_ENTRY"),
        ] {
            assert_eq!(words(name), expected);
        }
    }
}
