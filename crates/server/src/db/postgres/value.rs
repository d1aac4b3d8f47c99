//! Values on their way to and from the server.

use std::error::Error;

use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::super::{DbError, Page, Row, Value};

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(n), &Type::INT8) => n.to_sql(ty, out),
            (Value::Bytes(b), &Type::BYTEA) => b.to_sql(ty, out),
            (Value::Text(t), &Type::TEXT) => t.to_sql(ty, out),
            // The value itself is left out: it may be somebody's.
            _ => Err(format!("a parameter does not have the type {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row of the server's as one of ours.
pub fn owned(row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(row.len());
    for (i, column) in row.columns().iter().enumerate() {
        values.push(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(i)?.map_or(Value::Null, Value::Int),
            Type::BYTEA => {
                row.try_get::<_, Option<&[u8]>>(i)?.map_or(Value::Null, |b| Value::Bytes(b.to_vec()))
            }
            Type::TEXT => row.try_get::<_, Option<String>>(i)?.map_or(Value::Null, Value::Text),
            _ => return Err(DbError::shape("a type outside the portable subset")),
        });
    }
    Ok(Row(values))
}

/// A row of the server's as the next of a page.
pub fn into_page(row: &tokio_postgres::Row, page: &mut Page) -> Result<(), DbError> {
    for (i, column) in row.columns().iter().enumerate() {
        match *column.type_() {
            Type::INT8 => match row.try_get::<_, Option<i64>>(i)? {
                Some(n) => page.int(n),
                None => page.null(),
            },
            Type::BYTEA => match row.try_get::<_, Option<&[u8]>>(i)? {
                Some(bytes) => page.bytes(bytes),
                None => page.null(),
            },
            _ => return Err(DbError::shape("a walk reads numbers and bytes")),
        }
    }
    Ok(())
}
