"""A purpose and a lot meet in one line of a shipment: a need that goods had before is none."""

import sqlalchemy as sa

from alembic import op

revision = '0027'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for other, where in (('need', 'transfer_id IS NULL AND quantity_base > 0'), ('transfer', 'quantity_base > 0')):
        op.drop_constraint(op.f(f'uq_shipment_line_shipment_id_{other}_id_lot_id'), 'shipment_line')
        columns = ['shipment_id', f'{other}_id', 'lot_id']
        op.create_index(f'uq_shipment_line_{other}', 'shipment_line', columns, unique=True, postgresql_where=sa.text(where))


def downgrade() -> None:
    for other in ('need', 'transfer'):
        op.drop_index(f'uq_shipment_line_{other}', 'shipment_line')
        columns = ['shipment_id', f'{other}_id', 'lot_id']
        op.create_unique_constraint(op.f(f'uq_shipment_line_shipment_id_{other}_id_lot_id'), 'shipment_line', columns)
