"""How far each batch has come on the chain, who signed from where on, and what stops the log."""

import sqlalchemy as sa

from alembic import op
from services.journal import guards

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def create_anchor_batch() -> None:
    op.create_table('anchor_batch',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('first_index', sa.BigInteger(), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('first_index < size', name=op.f('ck_anchor_batch_not_empty')),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_anchor_batch')),
    sa.UniqueConstraint('first_index', name=op.f('uq_anchor_batch_first_index'))
    )
    op.execute('INSERT INTO anchor_batch SELECT size, first_index, anchored_at FROM anchor')


def create_log_key() -> None:
    op.create_table('log_key',
    sa.Column('since_size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('verifier_key', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('rotated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_log_key_entry_id_entry')),
    sa.PrimaryKeyConstraint('since_size', name=op.f('pk_log_key')),
    sa.UniqueConstraint('verifier_key', name=op.f('uq_log_key_verifier_key'))
    )


def create_anchoring_trouble() -> None:
    op.create_table('anchoring_trouble',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('stopped', sa.Boolean(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_anchoring_trouble_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_anchoring_trouble'))
    )


def upgrade() -> None:
    # What is there was never looked at again; the first pass follows it to its end.
    op.add_column('anchor', sa.Column('state', sa.String(40), nullable=False, server_default='mined'))
    op.alter_column('anchor', 'state', server_default=None)
    op.create_index(op.f('ix_anchor_state'), 'anchor', ['state'], unique=False)
    create_anchor_batch()
    create_log_key()
    create_anchoring_trouble()
    for statement in guards.CREATE_ANCHORING:
        op.execute(statement)


def downgrade() -> None:
    for statement in guards.DROP_ANCHORING:
        op.execute(statement)
    op.drop_table('anchoring_trouble')
    op.drop_table('log_key')
    op.drop_table('anchor_batch')
    op.drop_index(op.f('ix_anchor_state'), table_name='anchor')
    op.drop_column('anchor', 'state')
