//! `share_thumbnail`: many rows show the thumbnail of one.

use serde_json::Value;

use super::attach::{self, FILMSTRIP, IMAGE};
use super::form::Form;
use super::thumbnails;
use crate::fault::Fault;
use crate::methods::write::Writer;
use crate::store::row::{self, Columns};

/// The text of the answer.
pub(super) fn run(writer: &Writer<'_>, form: &Form) -> Result<String, Fault> {
    let field_name = if form.flag("filmstrip_thumbnail") { FILMSTRIP } else { IMAGE };
    let source = entity(form.wanted("source_entity").map_err(Fault::argument)?)?;
    let entities = form.wanted("entities").map_err(Fault::argument)?;
    let targets = entities.split(',').map(entity).collect::<Result<Vec<_>, _>>()?;
    let source_type = writer.schema.known_type(&source.0)?;
    let there = row::retired(writer.connection, source_type, source.1)? == Some(false) && writer.guard().sees(source_type, source.1)?;
    if !there {
        return Err(Fault::no_such_row("read", &source.0, source.1));
    }
    let Some((key, attachment)) = thumbnails::shown(writer.connection, &source.0, source.1, field_name)? else {
        return Ok("1:None\n".to_owned());
    };
    let now = writer.current(source_type, source.1, &[field_name.to_owned()])?;
    if now.get(field_name).is_some_and(attach::is_pending) {
        return Ok("2:The thumbnail of the source entity is not ready yet.\n".to_owned());
    }
    for (target, id) in targets {
        let order = attach::Order {
            entity_type: target,
            id,
            field: Some(field_name.to_owned()),
            display_name: None,
            tags: None,
            created_at: None,
        };
        let (entity_type, field) = attach::check(writer, &order)?;
        let names = [field_name.to_owned()];
        let before = writer.current(entity_type, id, &names)?;
        thumbnails::show(writer, entity_type, id, field_name, &key)?;
        let takes_source = entity_type
            .field("image_source_entity")
            .is_some_and(|field| field.valid_types.contains(&source.0));
        if takes_source && field_name == IMAGE {
            let mut columns = Columns::default();
            columns.put_link("image_source_entity", Some(&source));
            row::update(writer.connection, entity_type, id, &columns)?;
        }
        attach::touch(writer, entity_type, id)?;
        let after = writer.current(entity_type, id, &names)?;
        let subject = writer.subject(entity_type, id)?;
        if let Some(field) = field
            && before.get(field_name) != after.get(field_name)
        {
            let value = |row: &serde_json::Map<String, Value>| row.get(field_name).cloned().unwrap_or_default();
            writer.events().changed(&subject, field, &value(&before), &value(&after), false)?;
        }
    }
    Ok(format!("1:{attachment}\n"))
}

/// `Shot_12`.
fn entity(text: &str) -> Result<(String, i64), Fault> {
    text.rsplit_once('_')
        .and_then(|(kind, id)| Some((kind.to_owned(), id.parse().ok()?)))
        .ok_or_else(|| Fault::argument(format!("'{text}' names no entity; Type_id is wanted")))
}
