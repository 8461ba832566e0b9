using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Clustron.Scenarios;

/// <summary>
/// Connections that take in little at a time: those with subscriptions. Of RESP3 that is the only one to a node, of RESP2 the second one.
/// </summary>
internal sealed class SlowTunnel(RedisProtocol protocol) : Tunnel
{
    private volatile int _bytesPerSecond;

    /// <summary>From now on; 0: as fast as they come.</summary>
    public int BytesPerSecond
    {
        get => _bytesPerSecond;
        set => _bytesPerSecond = value;
    }

    public override ValueTask BeforeSocketConnectAsync(EndPoint endPoint, ConnectionType connectionType, Socket? socket, CancellationToken cancellationToken)
    {
        // What the kernel takes in is not with the server any more.
        if (socket is not null && IsSubject(connectionType)) socket.ReceiveBufferSize = 32 * 1024;
        return default;
    }

    public override ValueTask<Stream?> BeforeAuthenticateAsync(EndPoint endpoint, ConnectionType connectionType, Socket? socket, CancellationToken cancellationToken) =>
        new(socket is not null && IsSubject(connectionType) ? new SlowStream(socket, this) : null);

    private bool IsSubject(ConnectionType type) => protocol == RedisProtocol.Resp3 || type == ConnectionType.Subscription;

    private sealed class SlowStream(Socket socket, SlowTunnel tunnel) : NetworkStream(socket, true)
    {
        private const int Part = 16 * 1024;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (tunnel.BytesPerSecond is not (> 0 and var rate)) return await base.ReadAsync(buffer, cancellationToken);
            int n = await base.ReadAsync(buffer.Length > Part ? buffer[..Part] : buffer, cancellationToken);
            await Task.Delay(TimeSpan.FromSeconds((double)n / rate), cancellationToken);
            return n;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }
}
