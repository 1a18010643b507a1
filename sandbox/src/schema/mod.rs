//! Entity types and fields. Everything here comes from data files; no type is known to the code
//! except the few that authentication, permissions and the event log stand on.

pub(crate) mod alteration;
pub(crate) mod live;
mod load;
mod render;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fault::Fault;

/// What rows can be summarized to.
pub(crate) const SUMMARIES: [&str; 14] = [
    "record_count",
    "count",
    "sum",
    "maximum",
    "minimum",
    "average",
    "earliest",
    "latest",
    "percentage",
    "status_percentage",
    "status_percentage_as_float",
    "status_list",
    "checked",
    "unchecked",
];

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DataType {
    Text,
    Number,
    Float,
    Currency,
    Percent,
    Duration,
    Timecode,
    Footage,
    Checkbox,
    Date,
    DateTime,
    List,
    StatusList,
    Entity,
    MultiEntity,
    Addressing,
    TagList,
    Image,
    Url,
    Color,
    Serializable,
    Password,
    EntityType,
    Uuid,
    SystemTaskType,
    PivotColumn,
    Summary,
}

/// Wire name of every data type.
const DATA_TYPES: [(&str, DataType); 27] = [
    ("text", DataType::Text),
    ("number", DataType::Number),
    ("float", DataType::Float),
    ("currency", DataType::Currency),
    ("percent", DataType::Percent),
    ("duration", DataType::Duration),
    ("timecode", DataType::Timecode),
    ("footage", DataType::Footage),
    ("checkbox", DataType::Checkbox),
    ("date", DataType::Date),
    ("date_time", DataType::DateTime),
    ("list", DataType::List),
    ("status_list", DataType::StatusList),
    ("entity", DataType::Entity),
    ("multi_entity", DataType::MultiEntity),
    ("addressing", DataType::Addressing),
    ("tag_list", DataType::TagList),
    ("image", DataType::Image),
    ("url", DataType::Url),
    ("color", DataType::Color),
    ("serializable", DataType::Serializable),
    ("password", DataType::Password),
    ("entity_type", DataType::EntityType),
    ("uuid", DataType::Uuid),
    ("system_task_type", DataType::SystemTaskType),
    ("pivot_column", DataType::PivotColumn),
    ("summary", DataType::Summary),
];

impl DataType {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        DATA_TYPES.iter().find(|(known, _)| *known == name).map(|(_, data_type)| *data_type)
    }

    pub(crate) fn name(self) -> &'static str {
        DATA_TYPES
            .iter()
            .find(|(_, known)| *known == self)
            .map_or("text", |(name, _)| *name)
    }

    /// True for fields whose value is a list of links.
    pub(crate) fn is_multi_link(self) -> bool {
        matches!(self, Self::MultiEntity | Self::Addressing)
    }

    /// True for values that live in one column of the entity's own table.
    pub(crate) fn has_column(self) -> bool {
        !self.is_multi_link() && !matches!(self, Self::Password | Self::PivotColumn | Self::Summary)
    }

    /// True for numbers that can be added up.
    pub(crate) fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Number | Self::Float | Self::Currency | Self::Percent | Self::Duration | Self::Timecode
        )
    }

    /// True for values that are compared as text, without regard to case.
    pub(crate) fn is_folded_text(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Footage | Self::Color | Self::EntityType | Self::SystemTaskType
        )
    }
}

/// When a caller may write a field, leaving permission roles aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Editability {
    Always,
    OnCreate,
    Never,
}

/// Where a field's value is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Storage {
    /// A column of the entity's own table (two for an entity link: id and type).
    Column,
    /// A generated column: the named fields joined by a space.
    Concat(Vec<String>),
    /// A link table that this field owns.
    LinkTable,
    /// The other side of an entity link: every `entity_type` whose `field` points here.
    InverseOfColumn(Inverse),
    /// The other side of a link table.
    InverseOfTable(Inverse),
    /// How many links the named multi-entity field of the same row has.
    CountOf(String),
    /// When the caller was last in the project.
    LastAccess,
    /// The secrets live apart from the entities; see the auth module.
    Secret,
    /// Nothing is kept: the field is a place holder on real sites too.
    Nothing,
}

impl Storage {
    /// Where the values of a field that stands for itself are kept.
    pub(crate) fn of(data_type: DataType) -> Self {
        match data_type {
            DataType::Password => Self::Secret,
            _ if data_type.is_multi_link() => Self::LinkTable,
            _ if data_type.has_column() => Self::Column,
            _ => Self::Nothing,
        }
    }

    /// The field whose links this one shows from the other end.
    pub(crate) fn mirrors(&self) -> Option<&Inverse> {
        match self {
            Self::InverseOfColumn(inverse) | Self::InverseOfTable(inverse) => Some(inverse),
            _ => None,
        }
    }
}

/// The field that an inverse link field looks at, and a filter its rows must pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inverse {
    pub(crate) entity_type: String,
    pub(crate) field: String,
    pub(crate) only: Option<Value>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) data_type: DataType,
    pub(crate) editability: Editability,
    pub(crate) mandatory: bool,
    pub(crate) unique: bool,
    pub(crate) default: Value,
    pub(crate) valid_values: Vec<String>,
    pub(crate) display_values: BTreeMap<String, String>,
    pub(crate) valid_types: Vec<String>,
    pub(crate) summary_default: String,
    /// Of links to files and pages.
    pub(crate) open_in_new_window: bool,
    /// Projects in which the field is not shown. Its values can be read and written all the same.
    pub(crate) hidden_in: BTreeSet<i64>,
    pub(crate) storage: Storage,
}

impl Field {
    /// Custom fields carry the `sg_` prefix, and so do some that every site has. The properties of custom
    /// ones are editable where those of the others are not.
    pub(crate) fn is_custom(&self) -> bool {
        self.name.starts_with("sg_") && !STOCK.contains(&self.name.as_str())
    }
}

/// Fields that have the prefix of custom ones, but belong to every site.
const STOCK: [&str; 16] = [
    "sg_first_frame",
    "sg_frames_aspect_ratio",
    "sg_frames_have_slate",
    "sg_last_frame",
    "sg_movie_aspect_ratio",
    "sg_movie_has_slate",
    "sg_path_to_frames",
    "sg_path_to_geometry",
    "sg_path_to_movie",
    "sg_status_list",
    "sg_task",
    "sg_uploaded_movie",
    "sg_uploaded_movie_frame_rate",
    "sg_uploaded_movie_image",
    "sg_uploaded_movie_mp4",
    "sg_uploaded_movie_webm",
];

#[derive(Clone, Debug)]
pub(crate) struct EntityType {
    pub(crate) name: String,
    pub(crate) display_name: String,
    /// The field whose value is the `name` in links to rows of this type.
    pub(crate) display_field: String,
    pub(crate) fields: BTreeMap<String, Field>,
}

impl EntityType {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }

    /// True when rows belong to one project.
    pub(crate) fn in_project(&self) -> bool {
        self.field("project").is_some_and(|field| field.data_type == DataType::Entity)
    }
}

/// All entity types of the site.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    types: BTreeMap<String, EntityType>,
    /// Types and names of fields that were deleted: their names are taken for ever.
    deleted: BTreeSet<(String, String)>,
}

impl Schema {
    pub(crate) fn entity_type(&self, name: &str) -> Option<&EntityType> {
        self.types.get(name)
    }

    /// The entity type of this name, or the site's word for there being none.
    pub(crate) fn known_type(&self, name: &str) -> Result<&EntityType, Fault> {
        self.entity_type(name).ok_or_else(|| Fault::unknown_type(name))
    }

    /// Whether a field of this name was there and deleted.
    pub(crate) fn had_field(&self, entity_type: &str, name: &str) -> bool {
        self.deleted.contains(&(entity_type.to_owned(), name.to_owned()))
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &EntityType> {
        self.types.values()
    }

    /// True when some link field may point at this type. Only such types need a place in the
    /// directory of display names; event log entries, by far the most numerous rows, do not.
    pub(crate) fn is_linkable(&self, name: &str) -> bool {
        self.types()
            .flat_map(|entity_type| entity_type.fields.values())
            .any(|field| field.valid_types.iter().any(|valid| valid == name))
    }
}
