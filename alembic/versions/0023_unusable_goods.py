"""Unusable goods that are sent back as what they are, and goods that are to be destroyed."""

import sqlalchemy as sa

from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('transfer', sa.Column('sent_back_as', sa.String(), nullable=True))
    op.add_column('shipment_line', sa.Column('sent_back_as', sa.String(), nullable=True))
    op.create_table('disposal',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('taken_from', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_disposal_quantity_positive')),
    sa.CheckConstraint('asked_by <> decided_by', name=op.f('ck_disposal_two_people')),
    sa.ForeignKeyConstraint(['asked_by'], ['app_user.id'], name=op.f('fk_disposal_asked_by_app_user')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_disposal_decided_by_app_user')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_disposal_lot_id_lot')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_disposal_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disposal'))
    )
    op.create_index(op.f('ix_disposal_site'), 'disposal', ['site'])
    op.create_index(op.f('ix_disposal_lot_id'), 'disposal', ['lot_id'])
    op.create_index(op.f('ix_disposal_state'), 'disposal', ['state'])


def downgrade() -> None:
    op.drop_table('disposal')
    op.drop_column('shipment_line', 'sent_back_as')
    op.drop_column('transfer', 'sent_back_as')
