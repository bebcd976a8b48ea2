"""Shipments diverted in part and to needs, and items that are kept within limits of their own."""

import sqlalchemy as sa

from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None

# Until now every cold item was held to 2 to 8 degrees, and a log spoke for all of a shipment's.
COLD_ON_BOARD = """
UPDATE temperature_log SET items = (
    SELECT coalesce(json_agg(DISTINCT item.code), '[]')
    FROM shipment_line JOIN lot ON lot.id = shipment_line.lot_id
    JOIN item ON item.code = lot.commodity AND item.cold
    WHERE shipment_line.shipment_id = temperature_log.shipment_id
)
"""
LIMITED = '(least_centi IS NULL) = (most_centi IS NULL) AND least_centi < most_centi'
QUANTITY = 'ck_shipment_line_quantity'


def upgrade() -> None:
    op.add_column('temperature_log', sa.Column('items', sa.JSON(), nullable=True))
    op.execute(COLD_ON_BOARD)
    op.alter_column('temperature_log', 'items', nullable=False)
    op.add_column('item', sa.Column('least_centi', sa.Integer(), nullable=True))
    op.add_column('item', sa.Column('most_centi', sa.Integer(), nullable=True))
    op.execute('UPDATE item SET least_centi = 200, most_centi = 800 WHERE cold')
    op.create_check_constraint(op.f('ck_item_kept_between'), 'item', LIMITED)
    op.drop_column('item', 'cold')
    op.add_column('shipment', sa.Column('diverted_from', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_shipment_diverted_from_shipment'), 'shipment', 'shipment', ['diverted_from'], ['id'])
    op.add_column('shipment_line', sa.Column('planned_for', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_shipment_line_planned_for_need'), 'shipment_line', 'need', ['planned_for'], ['id'])
    op.drop_constraint(op.f(f'{QUANTITY}_positive'), 'shipment_line')
    op.create_check_constraint(op.f(f'{QUANTITY}_not_negative'), 'shipment_line', 'quantity_base >= 0')


def downgrade() -> None:
    op.drop_constraint(op.f(f'{QUANTITY}_not_negative'), 'shipment_line')
    op.execute('DELETE FROM shipment_line WHERE quantity_base = 0')
    op.create_check_constraint(op.f(f'{QUANTITY}_positive'), 'shipment_line', 'quantity_base > 0')
    op.drop_column('shipment_line', 'planned_for')
    op.drop_column('shipment', 'diverted_from')
    op.add_column('item', sa.Column('cold', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute('UPDATE item SET cold = least_centi IS NOT NULL')
    op.drop_column('item', 'most_centi')
    op.drop_column('item', 'least_centi')
    op.drop_column('temperature_log', 'items')
