"""The journal, its guards, and what is anchored of it."""

import sqlalchemy as sa

from alembic import op
from services.journal import guards

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def create_account() -> None:
    op.create_table('account',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('holder', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=True),
    sa.Column('may_overdraw', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_account'))
    )
    op.create_index(op.f('ix_account_holder'), 'account', ['holder'], unique=False)
    op.create_index(op.f('ix_account_purpose'), 'account', ['purpose'], unique=False)


def create_anchor() -> None:
    op.create_table('anchor',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('first_index', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('chain_id', sa.BigInteger(), nullable=False),
    sa.Column('contract', sa.String(), nullable=False),
    sa.Column('tx_hash', sa.String(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.Column('block_hash', sa.String(), nullable=False),
    sa.Column('anchored_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_anchor')),
    sa.UniqueConstraint('first_index', name=op.f('uq_anchor_first_index'))
    )


def create_commodity() -> None:
    op.create_table('commodity',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('commodity_class', sa.String(40), nullable=False),
    sa.Column('base_unit', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_commodity'))
    )


def create_entry() -> None:
    op.create_table('entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('document', sa.String(), nullable=True),
    sa.Column('reverses', sa.Uuid(), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('content_digest', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['reverses'], ['entry.id'], name=op.f('fk_entry_reverses_entry')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entry')),
    sa.UniqueConstraint('reverses', name=op.f('uq_entry_reverses'))
    )
    op.create_index(op.f('ix_entry_document'), 'entry', ['document'], unique=False)
    op.create_index(op.f('ix_entry_kind'), 'entry', ['kind'], unique=False)
    op.create_index(op.f('ix_entry_recorded_at'), 'entry', ['recorded_at'], unique=False)


def create_log_contract() -> None:
    op.create_table('log_contract',
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('chain_id', sa.BigInteger(), nullable=False),
    sa.Column('deployed_block', sa.BigInteger(), nullable=False),
    sa.Column('verifier_key', sa.String(), nullable=False),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address', name=op.f('pk_log_contract'))
    )


def create_signed_checkpoint() -> None:
    op.create_table('signed_checkpoint',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_signed_checkpoint'))
    )


def create_entry_secret() -> None:
    op.create_table('entry_secret',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('record_key', sa.LargeBinary(), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_entry_secret_entry_id_entry')),
    sa.PrimaryKeyConstraint('entry_id', name=op.f('pk_entry_secret'))
    )


def create_leaf() -> None:
    op.create_table('leaf',
    sa.Column('index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('leaf_hash', sa.LargeBinary(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_leaf_entry_id_entry')),
    sa.PrimaryKeyConstraint('index', name=op.f('pk_leaf')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_leaf_entry_id'))
    )


def create_lot() -> None:
    op.create_table('lot',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('commodity', sa.String(), nullable=False),
    sa.Column('batch', sa.String(), nullable=True),
    sa.Column('produced_on', sa.Date(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['commodity'], ['commodity.code'], name=op.f('fk_lot_commodity_commodity')),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_lot_entry_id_entry')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot'))
    )
    op.create_index(op.f('ix_lot_commodity'), 'lot', ['commodity'], unique=False)
    op.create_index(op.f('ix_lot_entry_id'), 'lot', ['entry_id'], unique=False)
    op.create_index(op.f('ix_lot_origin'), 'lot', ['origin'], unique=False)


def create_balance() -> None:
    op.create_table('balance',
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('inflow', sa.BigInteger(), nullable=False),
    sa.Column('outflow', sa.BigInteger(), nullable=False),
    sa.Column('may_overdraw', sa.Boolean(), nullable=False),
    sa.CheckConstraint('inflow >= 0 AND outflow >= 0', name=op.f('ck_balance_counters_grow')),
    sa.CheckConstraint('inflow >= outflow OR may_overdraw', name=op.f('ck_balance_not_overdrawn')),
    sa.ForeignKeyConstraint(['account'], ['account.code'], name=op.f('fk_balance_account_account')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_balance_lot_id_lot')),
    sa.PrimaryKeyConstraint('account', 'lot_id', name=op.f('pk_balance'))
    )
    op.create_index(op.f('ix_balance_lot_id'), 'balance', ['lot_id'], unique=False)


def create_move() -> None:
    op.create_table('move',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_move_quantity_positive')),
    sa.CheckConstraint('source <> target', name=op.f('ck_move_source_not_target')),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_move_entry_id_entry')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_move_lot_id_lot')),
    sa.ForeignKeyConstraint(['source'], ['account.code'], name=op.f('fk_move_source_account')),
    sa.ForeignKeyConstraint(['target'], ['account.code'], name=op.f('fk_move_target_account')),
    sa.PrimaryKeyConstraint('entry_id', 'line', name=op.f('pk_move'))
    )
    op.create_index(op.f('ix_move_lot_id'), 'move', ['lot_id'], unique=False)
    op.create_index(op.f('ix_move_source'), 'move', ['source'], unique=False)
    op.create_index(op.f('ix_move_target'), 'move', ['target'], unique=False)


def create_guards() -> None:
    for statement in guards.CREATE:
        op.execute(statement)


def upgrade() -> None:
    create_account()
    create_anchor()
    create_commodity()
    create_entry()
    create_log_contract()
    create_signed_checkpoint()
    create_entry_secret()
    create_leaf()
    create_lot()
    create_balance()
    create_move()
    create_guards()


def downgrade() -> None:
    for statement in guards.DROP:
        op.execute(statement)
    op.drop_index(op.f('ix_move_target'), table_name='move')
    op.drop_index(op.f('ix_move_source'), table_name='move')
    op.drop_index(op.f('ix_move_lot_id'), table_name='move')
    op.drop_table('move')
    op.drop_index(op.f('ix_balance_lot_id'), table_name='balance')
    op.drop_table('balance')
    op.drop_index(op.f('ix_lot_origin'), table_name='lot')
    op.drop_index(op.f('ix_lot_entry_id'), table_name='lot')
    op.drop_index(op.f('ix_lot_commodity'), table_name='lot')
    op.drop_table('lot')
    op.drop_table('leaf')
    op.drop_table('entry_secret')
    op.drop_table('signed_checkpoint')
    op.drop_table('log_contract')
    op.drop_index(op.f('ix_entry_recorded_at'), table_name='entry')
    op.drop_index(op.f('ix_entry_kind'), table_name='entry')
    op.drop_index(op.f('ix_entry_document'), table_name='entry')
    op.drop_table('entry')
    op.drop_table('commodity')
    op.drop_table('anchor')
    op.drop_index(op.f('ix_account_purpose'), table_name='account')
    op.drop_index(op.f('ix_account_holder'), table_name='account')
    op.drop_table('account')
