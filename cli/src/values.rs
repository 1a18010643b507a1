//! Words of the command line as values of fields: `code=sh010`, `project=Project:70`, `assets+=Asset:1`, `sg_meta:={"a": 1}`.
//!
//! Most words say what they are. Where one could be two things, `12` or `Note:12` in a text, the field's data type decides, and
//! the site is asked for it.

use std::collections::HashMap;

use shotgrid::client::{Document, Kind, Value, quote};

use crate::connect::Site;
use crate::failure::Failure;

/// Data types whose values are texts, whatever they look like.
const TEXTS: [&str; 10] = [
    "text",
    "list",
    "status_list",
    "entity_type",
    "date",
    "date_time",
    "color",
    "uuid",
    "timecode_text",
    "password",
];

/// The data types of fields, asked for where they matter.
pub struct Types<'s> {
    site: &'s Site,
    known: HashMap<(String, String), Option<String>>,
}

impl<'s> Types<'s> {
    pub fn new(site: &'s Site) -> Types<'s> {
        Types {
            site,
            known: HashMap::new(),
        }
    }

    /// The data type of a field, also behind dots; none where the site does not tell.
    pub async fn of(&mut self, entity_type: &str, path: &str) -> Option<String> {
        let (entity_type, field) = match path.rsplit_once('.') {
            Some((rest, field)) => (rest.rsplit_once('.').map_or(rest, |(_, kind)| kind), field),
            None => (entity_type, path),
        };
        let key = (entity_type.to_owned(), field.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let params = format!("[{},{}]", quote(entity_type), quote(field));
        let schema = self.site.call("schema_field_read", &params).await.ok();
        let told = schema.as_ref().and_then(|schema| {
            let kind = schema.root().get(field)?.pointer("/data_type/value")?;
            kind.as_str().map(|kind| kind.into_owned())
        });
        self.known.insert(key, told.clone());
        told
    }
}

/// `Shot:862`, a type and an id.
pub fn link(word: &str) -> Option<(&str, i64)> {
    let (kind, id) = word.split_once(':')?;
    let is_type = kind.starts_with(|letter: char| letter.is_ascii_uppercase()) && kind.chars().all(|letter| letter.is_ascii_alphanumeric());
    let id = id.parse().ok().filter(|id| *id >= 1)?;
    is_type.then_some((kind, id))
}

pub fn link_json(word: &str) -> Option<String> {
    link(word).map(|(kind, id)| format!(r#"{{"type":{},"id":{id}}}"#, quote(kind)))
}

/// A word in quotes is a text, without them.
fn unquoted(word: &str) -> Option<&str> {
    ['"', '\''].iter().find_map(|mark| word.strip_prefix(*mark)?.strip_suffix(*mark))
}

/// Whether a word could be something else than a text.
fn is_ambiguous(word: &str) -> bool {
    let is_json = Document::parse(word.as_bytes().to_vec()).is_ok_and(|parsed| matches!(parsed.root().kind(), Kind::Number | Kind::Bool));
    is_json || word.split(',').all(|part| link(part.trim()).is_some()) || matches!(word, "yes" | "no")
}

/// One value as JSON. `null` is null, and so is nothing.
pub async fn value(types: &mut Types<'_>, entity_type: &str, field: &str, word: &str) -> String {
    if let Some(text) = unquoted(word) {
        return quote(text);
    }
    if word.is_empty() || word == "null" || word == "None" {
        let is_list = word.is_empty() && types.of(entity_type, field).await.as_deref() == Some("multi_entity");
        return if is_list { "[]" } else { "null" }.to_owned();
    }
    if !is_ambiguous(word) {
        return quote(word);
    }
    let data_type = types.of(entity_type, field).await;
    let data_type = data_type.as_deref().unwrap_or_default();
    let links: Vec<String> = word.split(',').filter_map(|part| link_json(part.trim())).collect();
    match data_type {
        kind if TEXTS.contains(&kind) => quote(word),
        "multi_entity" | "tag_list" if !links.is_empty() => format!("[{}]", links.join(",")),
        _ if links.len() > 1 => format!("[{}]", links.join(",")),
        _ if !links.is_empty() => links.concat(),
        // A float is written with a point, which real sites insist on.
        "float" | "currency" if word.parse::<i64>().is_ok() => format!("{word}.0"),
        "checkbox" if word == "yes" => "true".to_owned(),
        "checkbox" if word == "no" => "false".to_owned(),
        _ if matches!(word, "yes" | "no") => quote(word),
        _ => word.to_owned(),
    }
}

/// The `data` of a create or update, and how lists of links are changed.
#[derive(Debug, Default)]
pub struct Data {
    pub fields: Vec<(String, String)>,
    pub modes: Vec<(String, &'static str)>,
}

impl Data {
    pub fn json(&self) -> String {
        let members: Vec<String> = self.fields.iter().map(|(name, json)| format!("{}:{json}", quote(name))).collect();
        format!("{{{}}}", members.join(","))
    }

    pub fn modes_json(&self) -> String {
        let members: Vec<String> = self
            .modes
            .iter()
            .map(|(name, mode)| format!("{}:{}", quote(name), quote(mode)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

pub async fn data(types: &mut Types<'_>, entity_type: &str, words: &[String]) -> Result<Data, Failure> {
    let mut data = Data::default();
    for word in words {
        let wrong =
            || Failure::usage(format!("\"{word}\" is no FIELD=VALUE")).hint("as in code=SQ010_0010, project=Project:70, sg_cut_in:=1001");
        let (left, right) = word.split_once('=').ok_or_else(wrong)?;
        let (name, sign) = match left.chars().last() {
            Some(sign @ (':' | '+' | '-')) => (left.get(..left.len() - 1).unwrap_or_default(), Some(sign)),
            _ => (left, None),
        };
        if name.is_empty() || !name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.')) {
            return Err(wrong());
        }
        if data.fields.iter().any(|(given, _)| given == name) {
            return Err(Failure::usage(format!("{name} is given twice")));
        }
        let json = match sign {
            Some(':') => match Document::parse(right.as_bytes().to_vec()) {
                Ok(_) => right.to_owned(),
                Err(error) => return Err(Failure::usage(format!("{name}:= wants JSON, and \"{right}\" is none: {error}"))),
            },
            Some(sign) => {
                data.modes.push((name.to_owned(), if sign == '+' { "add" } else { "remove" }));
                let links: Option<Vec<String>> = right.split(',').map(|part| link_json(part.trim())).collect();
                let links = links.ok_or_else(|| Failure::usage(format!("{name}{sign}= wants links, such as Asset:1226,Asset:1227")))?;
                format!("[{}]", links.join(","))
            }
            None => value(types, entity_type, name, right).await,
        };
        data.fields.push((name.to_owned(), json));
    }
    Ok(data)
}

/// A row at the front of words, `Shot 862` or `Shot:862`, and the words behind it.
pub fn row(words: &[String]) -> Result<(String, i64, &[String]), Failure> {
    let wrong = || Failure::usage(format!("\"{}\" names no row", words.join(" "))).hint("write Shot 862, or Shot:862");
    let (first, rest) = words.split_first().ok_or_else(wrong)?;
    if let Some((kind, id)) = link(first) {
        return Ok((kind.to_owned(), id, rest));
    }
    let (second, rest) = rest.split_first().ok_or_else(wrong)?;
    let id = second.parse().ok().filter(|id| *id >= 1).ok_or_else(wrong)?;
    Ok((first.clone(), id, rest))
}

/// What a reply of the site holds as a text.
pub fn text(value: Option<Value<'_>>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().into_owned()
}
