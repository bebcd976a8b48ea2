"""Recalls, blind counts and what is done with lots."""

import sqlalchemy as sa

from alembic import op
from services.journal.guards import STOPS, append_only

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def create_stops() -> None:
    op.create_table('lot_stop',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=True),
    sa.Column('commodity', sa.String(), nullable=True),
    sa.Column('batch', sa.String(), nullable=True),
    sa.CheckConstraint('(lot_id IS NULL) <> (batch IS NULL) AND (batch IS NULL) = (commodity IS NULL)', name=op.f('ck_lot_stop_lot_or_batch')),
    sa.ForeignKeyConstraint(['commodity'], ['commodity.code'], name=op.f('fk_lot_stop_commodity_commodity')),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_lot_stop_entry_id_entry')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_stop_lot_id_lot')),
    sa.PrimaryKeyConstraint('entry_id', 'line', name=op.f('pk_lot_stop'))
    )
    op.create_index(op.f('ix_lot_stop_commodity_lot_stop_batch'), 'lot_stop', ['commodity', 'batch'])
    op.create_index(op.f('ix_lot_stop_lot_id'), 'lot_stop', ['lot_id'])
    op.create_table('stop_lifted',
    sa.Column('lifts', sa.Uuid(), nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_stop_lifted_entry_id_entry')),
    sa.ForeignKeyConstraint(['lifts'], ['entry.id'], name=op.f('fk_stop_lifted_lifts_entry')),
    sa.PrimaryKeyConstraint('lifts', name=op.f('pk_stop_lifted')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_stop_lifted_entry_id'))
    )
    for statement in append_only(*STOPS):
        op.execute(statement)


def create_counts() -> None:
    op.create_table('count_sheet',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('opened_by', sa.Uuid(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_count_sheet_item_item')),
    sa.ForeignKeyConstraint(['opened_by'], ['app_user.id'], name=op.f('fk_count_sheet_opened_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_count_sheet_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_count_sheet'))
    )
    op.create_index(op.f('ix_count_sheet_site'), 'count_sheet', ['site'])
    op.create_table('count_line',
    sa.Column('sheet_id', sa.Uuid(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('first_base', sa.BigInteger(), nullable=True),
    sa.Column('first_by', sa.Uuid(), nullable=True),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('second_base', sa.BigInteger(), nullable=True),
    sa.Column('second_by', sa.Uuid(), nullable=True),
    sa.Column('second_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('count_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint('first_by <> second_by', name=op.f('ck_count_line_two_people')),
    sa.ForeignKeyConstraint(['count_id'], ['stock_count.id'], name=op.f('fk_count_line_count_id_stock_count')),
    sa.ForeignKeyConstraint(['first_by'], ['app_user.id'], name=op.f('fk_count_line_first_by_app_user')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_count_line_lot_id_lot')),
    sa.ForeignKeyConstraint(['second_by'], ['app_user.id'], name=op.f('fk_count_line_second_by_app_user')),
    sa.ForeignKeyConstraint(['sheet_id'], ['count_sheet.id'], name=op.f('fk_count_line_sheet_id_count_sheet')),
    sa.PrimaryKeyConstraint('sheet_id', 'lot_id', name=op.f('pk_count_line'))
    )


def create_recalls() -> None:
    op.create_table('recall',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=True),
    sa.Column('batch', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_by', sa.Uuid(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lifted_by', sa.Uuid(), nullable=True),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lift_reason', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('(lot_id IS NULL) <> (batch IS NULL)', name=op.f('ck_recall_one_thing')),
    sa.ForeignKeyConstraint(['id'], ['entry.id'], name=op.f('fk_recall_id_entry')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_recall_item_item')),
    sa.ForeignKeyConstraint(['lifted_by'], ['app_user.id'], name=op.f('fk_recall_lifted_by_app_user')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_recall_lot_id_lot')),
    sa.ForeignKeyConstraint(['opened_by'], ['app_user.id'], name=op.f('fk_recall_opened_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recall'))
    )
    op.create_index(op.f('ix_recall_item'), 'recall', ['item'])
    op.create_index(op.f('ix_recall_lot_id'), 'recall', ['lot_id'])


def create_places() -> None:
    op.create_table('lot_place',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('place', sa.String(), nullable=False),
    sa.Column('put_by', sa.Uuid(), nullable=False),
    sa.Column('put_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_place_lot_id_lot')),
    sa.ForeignKeyConstraint(['put_by'], ['app_user.id'], name=op.f('fk_lot_place_put_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_lot_place_site_site')),
    sa.PrimaryKeyConstraint('site', 'lot_id', name=op.f('pk_lot_place'))
    )
    op.create_table('trade_item',
    sa.Column('gtin', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('brand', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_trade_item_item_item')),
    sa.PrimaryKeyConstraint('gtin', name=op.f('pk_trade_item'))
    )
    op.create_index(op.f('ix_trade_item_item'), 'trade_item', ['item'])


def upgrade() -> None:
    create_stops()
    create_counts()
    create_recalls()
    create_places()


def downgrade() -> None:
    op.drop_table('trade_item')
    op.drop_table('lot_place')
    op.drop_table('recall')
    op.drop_table('count_line')
    op.drop_table('count_sheet')
    op.drop_table('stop_lifted')
    op.drop_table('lot_stop')
