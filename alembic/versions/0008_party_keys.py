"""Public keys that donors and consignees sign their own entries with."""

import sqlalchemy as sa

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('party_key',
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('key_id', sa.String(), nullable=False),
    sa.Column('vkey', sa.String(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('registered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_party_key_organisation_organisation')),
    sa.PrimaryKeyConstraint('organisation', 'key_id', name=op.f('pk_party_key')),
    sa.UniqueConstraint('public_key', name=op.f('uq_party_key_public_key'))
    )


def downgrade() -> None:
    op.drop_table('party_key')
