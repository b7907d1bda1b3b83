//! The shapes of OTLP's messages, from the descriptors that come with their code: JSON is read
//! by them, and messages are counted by them before memory is spent on them.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::remote_write::wire::{Fields, Malformed, Value};

pub static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

/// Messages by their number; numbers are given in the order of the descriptors.
#[derive(Debug)]
pub struct Schema {
    messages: Vec<MessageShape>,
    numbers: HashMap<String, usize>,
    /// The values of enumerations. Their names begin with that of their enumeration.
    choices: HashMap<String, i32>,
}

#[derive(Debug, Default)]
pub struct MessageShape {
    /// By both names of the field: as JSON writes it, and as its definition does.
    by_name: HashMap<String, FieldShape>,
    by_number: HashMap<u64, FieldShape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldShape {
    pub number: u32,
    pub kind: FieldKind,
    pub is_repeated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Double,
    Bool,
    Text,
    /// JSON writes it in base64.
    Bytes,
    /// As [`FieldKind::Bytes`], but JSON writes it in hexadecimal.
    Id,
    /// `int32`, `int64`, `uint32`, `uint64`: varints.
    Integer,
    /// `sint32`: a varint in zigzag.
    Zigzag,
    /// Eight bytes: `fixed64` and `sfixed64`.
    Word,
    /// Four bytes: `fixed32`.
    Half,
    /// A varint; JSON may write its name.
    Choice,
    /// The number of a message.
    Message(usize),
}

/// OTLP says of these that JSON writes them in hexadecimal.
const IDS: [&str; 3] = ["trace_id", "span_id", "parent_span_id"];

/// Numbers of a list that take as much memory as a message.
pub const NUMBERS_PER_MESSAGE: usize = 16;

/// A message that is nested deeper is no telemetry. Values of attributes take three levels
/// each time that they hold others.
const DEPTH_MAX: usize = 64;

impl Schema {
    fn read() -> Self {
        let files = FileDescriptorSet::decode(opentelemetry_proto::DESCRIPTORS)
            .expect("the descriptors come with the code of the messages: a test reads them");
        let mut descriptors = Vec::new();
        for file in &files.file {
            collect(&format!(".{}", file.package()), &file.message_type, &mut descriptors);
        }
        let numbers: HashMap<String, usize> =
            descriptors.iter().enumerate().map(|(number, (name, _))| (name.clone(), number)).collect();
        let messages = descriptors.iter().map(|(_, message)| shape_of(message, &numbers)).collect();
        let nested = descriptors.iter().flat_map(|(_, message)| &message.enum_type);
        let values = files.file.iter().flat_map(|file| &file.enum_type).chain(nested);
        let choices = values.flat_map(|choice| &choice.value);
        let choices = choices.map(|value| (value.name().to_owned(), value.number())).collect();
        Self { messages, numbers, choices }
    }

    /// The number of an enumeration's value.
    pub fn choice(&self, name: &str) -> Option<i32> {
        self.choices.get(name).copied()
    }

    /// The number of the message with this full name.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub fn field(&self, message: usize, name: &str) -> Option<FieldShape> {
        self.messages.get(message)?.by_name.get(name).copied()
    }

    /// How many messages are nested in `bytes`, itself included; long lists of numbers count as
    /// several. Gives up beyond `most`.
    pub fn count(&self, message: usize, bytes: &[u8], most: usize) -> Result<usize, Malformed> {
        let mut count = 0;
        self.count_into(message, bytes, most, DEPTH_MAX, &mut count)?;
        Ok(count)
    }

    fn count_into(
        &self,
        message: usize,
        bytes: &[u8],
        most: usize,
        depth: usize,
        count: &mut usize,
    ) -> Result<(), Malformed> {
        *count += 1;
        if depth == 0 {
            return Err(Malformed("messages are nested too deeply"));
        }
        let Some(shape) = self.messages.get(message) else { return Ok(()) };
        for field in Fields::new(bytes) {
            let (number, value) = field?;
            match (shape.by_number.get(&number), value) {
                (Some(FieldShape { kind: FieldKind::Message(nested_message), .. }), Value::Bytes(nested)) => {
                    self.count_into(*nested_message, nested, most, depth - 1, count)?;
                }
                // Packed: a byte of the message is a word in memory.
                (Some(FieldShape { is_repeated: true, .. }), Value::Bytes(packed)) => {
                    *count += packed.len() / NUMBERS_PER_MESSAGE;
                }
                (Some(FieldShape { is_repeated: true, .. }), _) => *count += 1,
                _ => {}
            }
            if *count > most {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Messages and those defined within them, with their full names.
fn collect<'a>(scope: &str, messages: &'a [DescriptorProto], found: &mut Vec<(String, &'a DescriptorProto)>) {
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        collect(&name, &message.nested_type, found);
        found.push((name, message));
    }
}

fn shape_of(message: &DescriptorProto, numbers: &HashMap<String, usize>) -> MessageShape {
    let mut shape = MessageShape::default();
    for field in &message.field {
        let Some(kind) = kind_of(field, numbers) else { continue };
        let number = u32::try_from(field.number()).unwrap_or(0);
        let field_shape = FieldShape { number, kind, is_repeated: field.label() == Label::Repeated };
        for name in [field.name(), field.json_name()] {
            shape.by_name.insert(name.to_owned(), field_shape);
        }
        shape.by_number.insert(u64::from(number), field_shape);
    }
    shape
}

/// None for kinds that OTLP does not use.
fn kind_of(field: &FieldDescriptorProto, numbers: &HashMap<String, usize>) -> Option<FieldKind> {
    Some(match field.r#type() {
        Type::Double => FieldKind::Double,
        Type::Bool => FieldKind::Bool,
        Type::String => FieldKind::Text,
        Type::Bytes if IDS.contains(&field.name()) => FieldKind::Id,
        Type::Bytes => FieldKind::Bytes,
        Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => FieldKind::Integer,
        Type::Sint32 | Type::Sint64 => FieldKind::Zigzag,
        Type::Fixed64 | Type::Sfixed64 => FieldKind::Word,
        Type::Fixed32 | Type::Sfixed32 => FieldKind::Half,
        Type::Enum => FieldKind::Choice,
        Type::Message => FieldKind::Message(*numbers.get(field.type_name())?),
        Type::Float | Type::Group => return None,
    })
}
